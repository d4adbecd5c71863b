/** A file of each class of SPECweb99: below 1 KB, below 10 KB, below 100 KB, below 1 MB. */
export const files: Readonly<Record<string, Buffer>> = Object.fromEntries([500, 5_000, 50_000, 500_000].map((size, k) => [`class${k}`, Buffer.alloc(size, `class ${k} `)]));
