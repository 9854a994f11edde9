import { secretValues, type Config } from '.';

/** Cuts the secrets of the configuration out of a text. */
export function redactor(config: Config): (text: string) => string {
  const secrets = secretValues(config).filter((value) => value.length >= 4);
  return (text) => secrets.reduce((rest, value) => rest.replaceAll(value, '[redacted]'), text);
}
