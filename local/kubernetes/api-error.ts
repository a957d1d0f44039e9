import type { JsonDocument } from './objects.ts';

const REASONS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  409: 'Conflict',
  410: 'Expired',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
};

/** A request that the API server refuses; answered with a `Status` object. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: number;
  readonly reason: string;
  readonly metadata: JsonDocument;

  constructor(code: number, message: string, more: { reason?: string; metadata?: JsonDocument } = {}) {
    super(message);
    this.code = code;
    this.reason = more.reason ?? REASONS[code] ?? 'InternalError';
    this.metadata = more.metadata ?? {};
  }
}

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
export const statusOf = ({ code, reason, message, metadata }: ApiError): JsonDocument => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata,
  status: 'Failure',
  message,
  reason,
  code,
});
