// Who is signed in here. The cookie is nobody's business but the browser's; what is kept of it is what each call must show.
import { useSyncExternalStore } from 'react';

export interface Session {
  staffId: string;
  staffName: string;
  roles: string[];
  enterprise: string;
  enterpriseId: string;
  expiresAt: string;
  may: string[];
  csrf: string;
}

/** A refusal of the console's own places. */
export interface Refusal {
  message: string;
  reason: string;
  parameters?: Record<string, string>;
}

type State = { is: 'unknown' } | { is: 'nobody'; ended: boolean } | { is: 'somebody'; session: Session };

const KEPT = 'hansa.person';
let state: State = { is: 'unknown' };
const listeners = new Set<() => void>();

function become(next: State) {
  state = next;
  for (const listener of listeners) listener();
}

export function useSession(): State {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
}

export const csrf = () => (state.is === 'somebody' ? state.session.csrf : '');
export const person = () => (state.is === 'somebody' ? state.session : undefined);

/** The server says that the cookie opens nothing any more. */
export function sessionEnded() {
  if (state.is === 'somebody') become({ is: 'nobody', ended: true });
}

async function call(path: string, init: RequestInit): Promise<Session | null> {
  const answer = await fetch(`/console/api/${path}`, init);
  if (!answer.ok) throw (await answer.json()) as Refusal;
  const session = (await answer.json()) as Session | null;
  if (!session) return null;
  // So that a page without a network knows whose it is; it opens nothing.
  const { csrf: _, ...shown } = session;
  sessionStorage.setItem(KEPT, JSON.stringify(shown));
  become({ is: 'somebody', session });
  return session;
}

const post = (body: unknown): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

let finding: Promise<void> | undefined;

/** Asks who is signed in; those who ask meanwhile wait for the same answer. */
export function findSession(): Promise<void> {
  finding ??= find().finally(() => {
    finding = undefined;
  });
  return finding;
}

async function find(): Promise<void> {
  try {
    if (await call('session', {})) return;
    sessionStorage.removeItem(KEPT);
    become({ is: 'nobody', ended: false });
  } catch (error) {
    const kept = sessionStorage.getItem(KEPT);
    if (error instanceof TypeError && kept) {
      become({ is: 'somebody', session: { ...(JSON.parse(kept) as Session), csrf: '' } });
    } else {
      sessionStorage.removeItem(KEPT);
      become({ is: 'nobody', ended: false });
    }
  }
}

export async function signIn(login: string, password: string) {
  const session = await call('session', post({ login, password }));
  if (session) known(login, session.staffName);
}
export const join = (link: string, login: string, password: string) => call('invited', post({ link, login, password }));

/** Somebody who comes in on this device by a name and a password; nothing that opens anything. */
export interface Known {
  login: string;
  name: string;
}

const PEOPLE = 'hansa.people';
const PEOPLE_MAX = 8;

/** Those who share this device, the last one first; undefined = it is nobody's business who they are. */
export function knownPeople(): Known[] | undefined {
  const kept = localStorage.getItem(PEOPLE);
  return kept ? (JSON.parse(kept) as Known[]) : undefined;
}

/** From now on the names of those who come in stay here, or those that are here go. */
export function keepPeople(keep: boolean) {
  if (!keep) localStorage.removeItem(PEOPLE);
  else localStorage.setItem(PEOPLE, JSON.stringify(knownPeople() ?? []));
}

function known(login: string, name: string) {
  const people = knownPeople();
  if (!people) return;
  const next = [{ login, name }, ...people.filter((one) => one.login !== login)];
  localStorage.setItem(PEOPLE, JSON.stringify(next.slice(0, PEOPLE_MAX)));
}

/** Whose sign-in: by an address of theirs, or by an invitation. */
export type Company = { at: string } | { link: string };

const AT = 'hansa.at';

/** The enterprise whose own sign-in was asked for here, now or before; it opens nothing. */
export function companyHere(): string {
  const at = new URLSearchParams(location.search).get('at');
  if (at) {
    localStorage.setItem(AT, at);
    history.replaceState(null, '', location.pathname + location.hash);
  }
  return localStorage.getItem(AT) ?? '';
}

async function answered<T>(path: string, body: unknown): Promise<T> {
  const answer = await fetch(`/console/api/${path}`, post(body));
  if (!answer.ok) throw (await answer.json()) as Refusal;
  return answer.json();
}

export const hasCompany = (company: Company) => answered<boolean>('company/known', company);

/** Away to the issuer of the enterprise; it sends the browser back. */
export async function goToCompany(company: Company): Promise<void> {
  const { go } = await answered<{ go: string }>('company', company);
  location.assign(go);
}

/** What the way back from an issuer came to, when it led nowhere; it leaves the address bar at once. */
export function cameBack(): string {
  const reason = /^#([A-Z_]{1,40})$/.exec(location.hash)?.[1] ?? '';
  if (reason) history.replaceState(null, '', location.pathname);
  return reason;
}

export async function signOut(): Promise<void> {
  const headers = { 'hansa-csrf': csrf() };
  sessionStorage.removeItem(KEPT);
  await fetch('/console/api/session', { method: 'DELETE', headers }).catch(() => undefined);
  become({ is: 'nobody', ended: false });
}
