export declare function postNote(request: Request): Promise<Response>;
