/** capriccio/thread: what code that a pool runs may call. */
export * from '@capriccio/worker/thread';
