declare const _default: {
    fetch(request: Request): Promise<Response>;
};
export default _default;
