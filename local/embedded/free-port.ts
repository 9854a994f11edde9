import { createServer } from 'node:net';

/**
 * A port on the loopback address that nothing listens on now: the wished one, else any. For what cannot be told to take any
 * free one itself.
 */
export async function freePort(wished = 0): Promise<number> {
  try {
    return await listenBriefly(wished);
  } catch (error) {
    if (wished === 0) throw error;
    return listenBriefly(0);
  }
}

function listenBriefly(wished: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(wished, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === 'string') reject(new Error('the system gave no port'));
        else resolve(address.port);
      });
    });
  });
}
