import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { codeOf, DarkroomError } from '../common/errors';
import { checkLiteral, publicLookup } from './addresses';
import type { HostList } from './hosts';
import { printable } from './url';

const MAX_REDIRECTS = 5;
const REDIRECTS = [301, 302, 303, 307, 308];

/** Waits of a request. Tests lower them. */
export interface RequestTuning {
  /** ms until a host has answered with its headers, from the name look-up on. */
  answer: number;
  /** PEM of a further certificate authority. */
  ca?: string;
}

/** GET requests that go to checked addresses only, redirects included. */
export class WebClient {
  private readonly secure: https.Agent;
  private readonly plain = new http.Agent({ keepAlive: true, maxSockets: 64 });

  constructor(
    private readonly hosts: HostList,
    private readonly tuning: RequestTuning,
    private readonly userAgent: string,
  ) {
    this.secure = new https.Agent({ keepAlive: true, maxSockets: 64, ca: tuning.ca });
  }

  /** The first answer that is no redirect, whatever its status. Its body has not been read. */
  async get(start: URL, headers: Record<string, string>, signal?: AbortSignal): Promise<IncomingMessage> {
    let url = start;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const answer = await this.once(url, headers, signal);
      if (!REDIRECTS.includes(answer.statusCode ?? 0)) return answer;
      discard(answer);
      url = this.next(url, answer.headers.location);
    }
    throw new DarkroomError('InvalidJob', `${printable(start.href)} redirects more than ${MAX_REDIRECTS} times.`);
  }

  close(): void {
    this.secure.destroy();
    this.plain.destroy();
  }

  private next(from: URL, target: string | undefined): URL {
    if (target === undefined || !URL.canParse(target, from.href)) {
      throw new DarkroomError('InvalidJob', `${printable(from.href)} redirects to nowhere.`);
    }
    const url = new URL(target, from);
    if (url.username !== '' || url.password !== '') {
      throw new DarkroomError('InvalidJob', `${printable(from.href)} redirects to a URL with a user name or password.`);
    }
    this.hosts.check(url, url.href);
    return url;
  }

  private async once(url: URL, headers: Record<string, string>, signal?: AbortSignal): Promise<IncomingMessage> {
    try {
      return await this.send(url, headers, signal);
    } catch (error) {
      // The host closed an idle connection just as we used it again: not a failure yet.
      if (codeOf(error) !== 'ECONNRESET' || !(error as { reused?: boolean }).reused) throw error;
      return await this.send(url, headers, signal);
    }
  }

  private send(url: URL, headers: Record<string, string>, signal?: AbortSignal): Promise<IncomingMessage> {
    const exempt = this.hosts.isPrivate(url);
    if (!exempt) checkLiteral(url.hostname, this.hosts.denied);
    const secure = url.protocol === 'https:';
    return new Promise((resolve, reject) => {
      const request = (secure ? https : http).get(url, {
        agent: secure ? this.secure : this.plain,
        headers: { 'user-agent': this.userAgent, accept: '*/*', 'accept-encoding': 'identity', ...headers },
        signal,
        ...(exempt ? {} : { lookup: publicLookup(this.hosts.denied) }),
      });
      const late = Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' });
      const timer = setTimeout(() => request.destroy(late), this.tuning.answer);
      request.once('response', (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      // Stays for as long as the request does: an error after the answer shows on the answer's own stream.
      request.on('error', (error) => {
        clearTimeout(timer);
        reject(Object.assign(error, { reused: request.reusedSocket }));
      });
    });
  }
}

/** Hangs up without reading the body, which may be endless. */
export function discard(answer: IncomingMessage): void {
  answer.on('error', () => undefined);
  answer.destroy();
}
