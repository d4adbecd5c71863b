import type { Document } from './documents.ts';
export interface Progress {
    (done: number, total: number): void;
}
export type Entry = Omit<Document, 'modifiedMs'> & {
    title: string;
};
export interface Hit {
    id: number;
    title: string;
    path: string;
    snippet: string;
}
/** Read access to one catalogue file. Not shared between threads: a connection belongs to the thread that opened it. */
export declare class Catalogue {
    #private;
    readonly root: string;
    constructor(file: string, root: string);
    list(): Entry[];
    find(id: number): Entry | undefined;
    /** The documents with the best pieces that hold every word of `query`, each as a prefix. Empty when it holds no word. */
    search(query: string, limit: number): Hit[];
    read(entry: Entry): Promise<Buffer<ArrayBuffer>>;
}
/** Opens the catalogue named by LIBRARY_CATALOGUE, else the one of the current documents, building it when it is missing. */
export declare function openCatalogue(): Promise<Catalogue>;
/**
 * Builds the catalogue of the documents there are now, unless that has been done, and resolves to its file.
 * Any number of threads and processes may call it at once: one builds, the others wait for the file to appear.
 * The file's name is a digest of what goes in, so a file that exists is a file that is right.
 */
export declare function buildCatalogue(progress?: Progress): Promise<string>;
