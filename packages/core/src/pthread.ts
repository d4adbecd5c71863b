/** capriccio/pthread: POSIX threads over the threads of this isolate. */
export * from '@capriccio/worker/pthread';
