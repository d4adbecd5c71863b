/** The version of piscina whose behaviour this is; programs compare it. */
export const version: string = '5.3.2';
