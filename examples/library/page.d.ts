/** The page for one document, with a table of contents when there are at least three headings. */
export declare function renderPage(title: string, path: string, source: string): string;
