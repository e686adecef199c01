// What a refusal says: which rule, who can change it.
import { Code, ConnectError } from '@connectrpc/connect';

export interface Fault {
  text: string;
  reason: string;
  rule?: string;
  changeableBy?: string;
  field?: string;
  forbidden: boolean;
  missing: boolean;
  offline: boolean;
}

interface Shown {
  reason?: string;
  rule?: string | null;
  changeableBy?: string | null;
  parameters?: Record<string, string>;
}

export function faultOf(error: unknown): Fault {
  if (error && typeof error === 'object' && 'reason' in error && 'message' in error) {
    const { message, reason, parameters } = error as {
      message: string;
      reason: string;
      parameters?: Record<string, string>;
    };
    const field = parameters?.field;
    return { text: message, reason, field, forbidden: false, missing: false, offline: false };
  }
  const known = ConnectError.from(error);
  const detail = known.details.find((one) => 'debug' in one) as { debug?: Shown } | undefined;
  const shown = detail?.debug ?? {};
  return {
    text: known.rawMessage,
    reason: shown.reason ?? Code[known.code],
    rule: shown.rule ?? undefined,
    changeableBy: shown.changeableBy ?? undefined,
    field: shown.parameters?.field,
    forbidden: known.code === Code.PermissionDenied,
    missing:
      known.code === Code.NotFound ||
      (known.code === Code.InvalidArgument && /id$/.test(shown.parameters?.field ?? '')),
    offline: error instanceof TypeError || known.cause instanceof TypeError || !navigator.onLine,
  };
}
