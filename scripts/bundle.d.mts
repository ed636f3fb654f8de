export const root: string;
export function bundle(entryPoint: string, outfile: string, options?: { executable?: boolean }): Promise<void>;
