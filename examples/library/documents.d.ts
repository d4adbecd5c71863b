export interface Document {
    /** 1 and up, in the order of `path`: the same tree gives the same numbers. */
    id: number;
    /** Below the root, with forward slashes: `piscina/README.md`. */
    path: string;
    bytes: number;
    modifiedMs: number;
}
/** Where the documents are: LIBRARY_ROOT, else the node_modules of this repository. */
export declare function libraryRoot(): string;
/** Finds the documents below `root`, in the order of their paths. Links are not followed, so the walk ends. */
export declare function collectDocuments(root: string): Promise<Document[]>;
