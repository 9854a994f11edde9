import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { DarkroomError } from '../../../common/errors';
import { grpcCode, INVALID_ARGUMENT, isSlow, isTransient, rootMessage } from '../../../temporal/grpc';
import { API_PROBLEMS, ApiError, problem, PROBLEM_TYPE, type ApiProblem, type Problem } from './problems';

/** Seconds after which a caller may try again while Temporal is away. */
export const AWAY_RETRY_SECONDS = 5;

interface Answer {
  problem: Problem;
  retryAfterSeconds?: number;
  /** A fault of ours, for the log. */
  unexpected?: boolean;
  /** What Temporal says of the request, for the log: its texts name what is none of the caller's business. */
  refusal?: string;
}

/** What any error means to the caller. Texts of unknown errors stay here. */
export function answerFor(error: unknown): Answer {
  if (error instanceof ApiError) {
    const { retryAfterSeconds, details } = error.options;
    return { problem: problem(error.type, error.message, details), retryAfterSeconds };
  }
  if (error instanceof DarkroomError) {
    const retryAfterSeconds = error.retryable ? AWAY_RETRY_SECONDS : undefined;
    return { problem: problem(error.type, error.message, error.details), retryAfterSeconds };
  }
  if (isSlow(error)) {
    const text = 'Temporal takes too long to answer; nothing was lost. Try again in a moment.';
    return { problem: problem('TemporalSlow', text), retryAfterSeconds: AWAY_RETRY_SECONDS };
  }
  if (isTransient(error)) {
    const text = 'Temporal cannot be reached; nothing was lost. Try again in a moment.';
    return { problem: problem('TemporalUnavailable', text), retryAfterSeconds: AWAY_RETRY_SECONDS };
  }
  if (grpcCode(error) === INVALID_ARGUMENT) {
    const refused = problem('BadRequest', 'Temporal takes no request with such values.');
    return { problem: refused, refusal: rootMessage(error) };
  }
  return fromFastify(error as Partial<FastifyError>);
}

/** What plugins and the parser refuse, by its status. */
const BY_STATUS: Record<number, ApiProblem> = {
  400: 'BadRequest',
  403: 'NotAllowed',
  404: 'NotFound',
  408: 'Timeout',
  413: 'TooLarge',
  414: 'UriTooLong',
  415: 'UnsupportedType',
};

function fromFastify(error: Partial<FastifyError>): Answer {
  if (error.validation !== undefined) {
    const problems = error.validation.map(({ instancePath, message }) => {
      const field = instancePath.replace(/^\//, '').replaceAll('/', '.');
      return field === '' ? (message ?? 'wrong') : `${field}: ${message}`;
    });
    const where = error.validationContext ?? 'request';
    return { problem: problem('BadRequest', `The ${where} is wrong: ${problems.join('; ')}.`) };
  }
  const type = BY_STATUS[error.statusCode ?? 0];
  if (type !== undefined) return { problem: problem(type, error.message ?? type) };
  return { problem: problem('InternalError', 'Something unexpected went wrong in Darkroom.'), unexpected: true };
}

/** The app's error handler. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const { problem: body, retryAfterSeconds, unexpected, refusal } = answerFor(error);
  if (unexpected) request.log.error({ err: error }, 'request failed');
  if (refusal !== undefined) request.log.warn({ reason: refusal }, 'Temporal refuses a request');
  // A refusal is the answer that the caller asked for.
  if (body.status < 500) request.span?.set({ 'error.type': body.code });
  else request.span?.fail({ type: body.code, message: body.detail });
  if (retryAfterSeconds !== undefined) void reply.header('retry-after', String(Math.ceil(retryAfterSeconds)));
  if (body.code === 'Unauthorized') void reply.header('www-authenticate', 'Bearer realm="darkroom"');
  void reply.code(body.status).type(PROBLEM_TYPE).serializer(JSON.stringify).send(body);
}

/** What is no HTTP request, or takes too long to become one, is answered on the bare connection. */
export function sendRawProblem(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  if (!socket.writable) return void socket.destroy();
  const [type, text]: [ApiProblem, string] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['HeadersTooLarge', 'The headers may have 16 KiB at most.']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['Timeout', 'The request did not arrive in time.']
        : ['BadRequest', 'This is not an HTTP request.'];
  const body = JSON.stringify(problem(type, text));
  const { status } = API_PROBLEMS[type];
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
