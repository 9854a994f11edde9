import { text, type Parser } from './parse';

/** One environment variable: the only place that knows its name, type, default, unit and meaning. */
export interface Variable<T> {
  readonly env: string;
  readonly parse: Parser<T>;
  /** As a user would write it; `undefined` means "not set". */
  readonly fallback: string | undefined;
  readonly meaning: string;
  /** Never printed, and `<env>_FILE` may name a file that holds it. */
  readonly secret: boolean;
  /** Pieces of a secret that must not be printed either. */
  readonly parts?: (text: string) => string[];
}

export function variable<T>(env: string, parse: Parser<T>, fallback: string, meaning: string): Variable<T> {
  return { env, parse, fallback, meaning, secret: false };
}

export function optional<T>(env: string, parse: Parser<T>, meaning: string): Variable<T | undefined> {
  return { env, parse, fallback: undefined, meaning, secret: false };
}

interface SecretOptions extends Pick<Variable<string>, 'parts'> {
  /** Throws an Error that says what is wrong without quoting the value. */
  check?: (value: string) => void;
}

export function secret(env: string, meaning: string, more: SecretOptions = {}): Variable<string | undefined> {
  const { check, parts } = more;
  const parse: Parser<string> = (value) => {
    check?.(value);
    return text(value);
  };
  return { env, parse, fallback: undefined, meaning, secret: true, parts };
}
