/** What spans tell of HTTP, by the stable semantic conventions of OpenTelemetry, without credentials. */
import type { Attributes } from '@opentelemetry/api';
import type { Attempt } from '../core/attempt.js';
import type { Context, Outcome } from '../core/context.js';
import { isGatewayError } from '../core/errors.js';
import { headerValue } from '../core/headers.js';
import { KNOWN_METHODS } from '../core/http-methods.js';
import { redactQuery, redactText } from '../core/redact.js';

/** Longer texts of a client are cut. */
const MAX_TEXT = 2_048;

const METHODS: ReadonlySet<string> = new Set(KNOWN_METHODS);

/** Name of a span: few in number, whatever clients send. */
export function spanName(method: string, route?: string): string {
  const verb = METHODS.has(method) ? method : 'HTTP';
  return route === undefined ? verb : `${verb} ${route}`;
}

/** Of the span of an exchange, known when it begins. @param more Secret parameters of queries, in lower case. */
export function requestAttributes({ request, route }: Context, more: ReadonlySet<string>): Attributes {
  const { method, path, query, protocol, host, clientIp, httpVersion, headers } = request;
  const attributes = methodAttributes(method);
  attributes['url.scheme'] = protocol;
  attributes['url.path'] = redactText(bounded(path));
  if (query.length > 1) attributes['url.query'] = redactQuery(bounded(query), more).slice(1);
  if (route !== null) attributes['http.route'] = route.path;
  addServer(attributes, host, protocol);
  if (clientIp !== '') attributes['client.address'] = clientIp;
  attributes['network.protocol.version'] = httpVersion === '2.0' ? '2' : httpVersion;
  const userAgent = headerValue(headers, 'user-agent');
  if (userAgent !== undefined) attributes['user_agent.original'] = redactText(bounded(userAgent));
  return attributes;
}

/** Of the span of an exchange, known when it is over. */
export function outcomeAttributes({ route, refusal }: Context, outcome: Outcome): Attributes {
  const attributes: Attributes = { 'http.response.status_code': outcome.status };
  if (route !== null) attributes['http.route'] = route.path;
  if (refusal !== null) attributes['innergate.refusal'] = refusal;
  if (outcome.bytesIn !== undefined) attributes['http.request.body.size'] = outcome.bytesIn;
  if (outcome.bytesOut !== undefined) attributes['http.response.body.size'] = outcome.bytesOut;
  return attributes;
}

/** Of the span of a call of an upstream, known when it begins. @param more Secret parameters of queries. */
export function attemptAttributes(attempt: Attempt, more: ReadonlySet<string>): Attributes {
  const { number, method, origin, url } = attempt;
  const [scheme = '', host = ''] = origin.split('://');
  const authority = host.slice(host.lastIndexOf('@') + 1);
  const attributes = methodAttributes(method);
  attributes['url.full'] = fullUrl(`${scheme}://${authority}`, bounded(url), more);
  addServer(attributes, authority, scheme);
  if (number > 1) attributes['http.request.resend_count'] = number - 1;
  return attributes;
}

/** Of the span of a call of an upstream, known when it is over. */
export function answerAttributes({ status, bytesSent, bytesReceived }: Attempt): Attributes {
  const attributes: Attributes = { 'http.request.body.size': bytesSent };
  if (status === 0) return attributes;
  attributes['http.response.status_code'] = status;
  attributes['http.response.body.size'] = bytesReceived;
  return attributes;
}

/** What the name of a class looks like; anybody may write another one. */
const TYPE = /^[\w.$]{1,64}$/;

/** A word for what went wrong, from a small set. */
export function errorType(error: unknown): string {
  if (isGatewayError(error)) return error.code;
  return error instanceof Error && TYPE.test(error.name) ? error.name : '_OTHER';
}

/** What an exception event tells: no stack, and no credentials. @param more Names of secrets, in lower case. */
export function exceptionOf(error: unknown, more: ReadonlySet<string>): { name: string; message: string } {
  const message = error instanceof Error ? error.message : 'what was thrown is no error';
  return { name: errorType(error), message: redactText(bounded(message), more) };
}

function methodAttributes(method: string): Attributes {
  return METHODS.has(method)
    ? { 'http.request.method': method }
    : { 'http.request.method': '_OTHER', 'http.request.method_original': bounded(method) };
}

function fullUrl(origin: string, url: string, more: ReadonlySet<string>): string {
  const start = url.indexOf('?');
  if (start === -1) return redactText(origin + url);
  return redactText(origin + url.slice(0, start)) + redactQuery(url.slice(start), more);
}

function addServer(attributes: Attributes, authority: string, scheme: string): void {
  if (authority === '') return;
  const [, address = authority, port] = /^\[?(.*?)\]?(?::(\d*))?$/.exec(authority) ?? [];
  attributes['server.address'] = address;
  attributes['server.port'] = Number(port) || (scheme === 'https' ? 443 : 80);
}

/** Whole parts only: half a credential would not be known for one. */
function bounded(text: string): string {
  if (text.length <= MAX_TEXT) return text;
  const cut = text.slice(0, MAX_TEXT);
  const end = Math.max(cut.lastIndexOf('/'), cut.lastIndexOf('&'), cut.lastIndexOf(' '));
  return cut.slice(0, end + 1);
}
