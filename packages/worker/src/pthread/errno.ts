/** Error numbers of POSIX, as on Linux, whatever the platform: what the functions of capriccio/pthread return. */
export const EPERM = 1;
export const ESRCH = 3;
export const EAGAIN = 11;
export const EBUSY = 16;
export const EINVAL = 22;
export const EDEADLK = 35;
export const EOVERFLOW = 75;
export const ENOTSUP = 95;
export const ETIMEDOUT = 110;
export const EOWNERDEAD = 130;
export const ENOTRECOVERABLE = 131;
