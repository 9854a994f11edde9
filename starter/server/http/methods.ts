import type { App } from '../app-type';
import { ApiError } from './problems';

/**
 * Answers 405 with `Allow` for every other method of each route that is declared from now on. The returned function adds
 * those answers; call it once, after the last route.
 */
export function otherMethods(app: App): () => void {
  const urls = new Set<string>();
  app.addHook('onRoute', ({ url }) => void urls.add(url));
  return () => {
    // A copy: the hook also reports the routes that are added here.
    for (const url of [...urls]) refuseOthers(app, url);
  };
}

function refuseOthers(app: App, url: string): void {
  const taken = app.supportedMethods.filter((method) => app.hasRoute({ url, method: method }));
  const others = app.supportedMethods.filter((method) => !taken.includes(method));
  if (others.length === 0) return;
  const allow = taken.sort().join(', ');
  app.route({
    url,
    method: others,
    schema: { hide: true },
    // Before the body: nothing of it is wanted.
    onRequest: (request, reply) => {
      void reply.header('allow', allow);
      throw new ApiError('MethodNotAllowed', `${url} takes ${allow}, not ${request.method}.`);
    },
    handler: () => undefined,
  });
}
