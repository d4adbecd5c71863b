export declare function resize(width: number, factor: number): Promise<number>;
export declare function status(): string;
