import { z } from 'zod';
import type { App } from '../app-type';
import { ApiError } from './problems';

/** A misspelt parameter (`?wiat=30s`) would be ignored, and the answer be another one than was asked for. */
export function refuseUnknownQuery(app: App): void {
  app.addHook('preValidation', (request, _reply, next) => {
    const { url, schema } = request.routeOptions;
    // The page and the reference are asked with what browsers and links append.
    if (!/^\/(v1\/|produce$|batch-produce$)/.test(url ?? '')) return next();
    const declared = schema?.querystring;
    const known = declared instanceof z.ZodObject ? Object.keys(declared.shape) : [];
    const unknown = Object.keys(request.query as object).find((name) => !known.includes(name));
    if (unknown === undefined) return next();
    const takes = known.length === 0 ? 'this address takes none' : `this address takes ${known.join(', ')}`;
    next(new ApiError('BadRequest', `There is no query parameter "${unknown.slice(0, 100)}"; ${takes}.`));
  });
}
