// What people do without a network: kept on the device, and sent once there is one; the ids are made here, so it happens once.
import { create, fromJson } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { type DBSchema, type IDBPDatabase, openDB } from 'idb';
import { useSyncExternalStore } from 'react';
import { ContentSchema } from '../gen/hansa/documents/v1/types_pb';
import { type FileRef, FileRefSchema } from '../gen/hansa/files/v1/types_pb';
import { documents } from '../rpc';
import { csrf, person } from '../session';

/** Bytes of a photo. */
export const PHOTO_MAX = 10 * 1024 * 1024;

/** An article of ours, as far as a phone has to know it. */
export interface Article {
  gtin: string;
  sku: string;
  name: string;
  unit: string;
}

export interface Wanted {
  gtin: string;
  sku: string;
  name: string;
  unit: string;
  units: number;
}

/** A requisition on its way. */
export interface Waiting {
  /** Of the document, and of the act that submits it. */
  id: string;
  actId: string;
  staffId: string;
  enterpriseId: string;
  at: number;
  lines: Wanted[];
  note: string;
  photo?: { name: string; type: string; bytes: ArrayBuffer };
  /** Why the server does not take it. */
  trouble?: string;
}

interface Device extends DBSchema {
  waiting: { key: string; value: Waiting };
  article: { key: string; value: Article };
}

let opened: Promise<IDBPDatabase<Device>> | undefined;
const device = () => {
  opened ??= openDB<Device>('hansa', 1, {
    upgrade(db) {
      db.createObjectStore('waiting', { keyPath: 'id' });
      db.createObjectStore('article', { keyPath: 'gtin' });
    },
  });
  return opened;
};

let waiting: Waiting[] = [];
let online = navigator.onLine;
let sending = false;
const listeners = new Set<() => void>();
const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
};
const tell = () => {
  for (const listener of listeners) listener();
};

export const useOnline = () => useSyncExternalStore(subscribe, () => online);
export const useWaitingList = () => useSyncExternalStore(subscribe, () => waiting);
export const useWaiting = () => useWaitingList().length;

async function look() {
  waiting = (await (await device()).getAll('waiting')).sort((one, other) => one.at - other.at);
  tell();
}

export async function put(one: Waiting) {
  await (await device()).put('waiting', one);
  await look();
  void send();
}

export async function drop(id: string) {
  await (await device()).delete('waiting', id);
  await look();
}

export async function knownArticle(gtin: string): Promise<Article | undefined> {
  return (await device()).get('article', gtin);
}

export async function learnArticles(all: Article[]) {
  const tx = (await device()).transaction('article', 'readwrite');
  await Promise.all(all.filter((one) => one.gtin).map((one) => tx.store.put(one)));
  await tx.done;
}

/** Brings a file to the server; what an act then names. */
export async function upload(photo: NonNullable<Waiting['photo']>): Promise<FileRef> {
  const headers = { 'content-type': photo.type, 'hansa-csrf': csrf() };
  const answer = await fetch(`/files/${encodeURIComponent(photo.name)}`, {
    method: 'POST',
    headers,
    body: photo.bytes,
  });
  const said = await answer.json();
  if (!answer.ok)
    throw new ConnectError(said.message ?? '', answer.status === 401 ? Code.Unauthenticated : Code.InvalidArgument);
  return fromJson(FileRefSchema, said);
}

async function sendOne(one: Waiting) {
  const files = one.photo ? [await upload(one.photo)] : [];
  await documents.createDocument({ id: one.id, kind: 'requisition' });
  const lines = one.lines.map((line, place) => ({
    id: String(place + 1),
    gtin: line.gtin,
    buyerSku: line.sku,
    name: line.name,
    quantity: { value: BigInt(line.units), scale: 0, unit: line.unit },
  }));
  const contents = {
    head: create(ContentSchema, { body: { case: 'head', value: { currency: 'EUR', note: one.note, files } } }),
    lines: create(ContentSchema, { body: { case: 'lines', value: { lines } } }),
  };
  await documents.actOnDocument({ id: one.id, actId: one.actId, act: 'submit', base: 0n, contents });
}

/** Is it only that nobody answers. */
function later(error: unknown): boolean {
  if (error instanceof TypeError) return true;
  const code = ConnectError.from(error).code;
  return [Code.Unavailable, Code.DeadlineExceeded, Code.Unknown, Code.Unauthenticated, Code.Canceled].includes(code);
}

/** Sends what this person has waiting, one after the other. */
export async function send() {
  const who = person();
  if (sending || !navigator.onLine || !who) return;
  sending = true;
  try {
    for (const one of waiting.filter((one) => one.staffId === who.staffId && !one.trouble)) {
      try {
        await sendOne(one);
        await drop(one.id);
      } catch (error) {
        if (later(error)) break;
        await (await device()).put('waiting', { ...one, trouble: ConnectError.from(error).rawMessage });
        await look();
      }
    }
  } finally {
    sending = false;
  }
}

/** Looks whenever there may be something to send. */
export function watchWaiting() {
  const changed = () => {
    online = navigator.onLine;
    tell();
    void send();
  };
  addEventListener('online', changed);
  addEventListener('offline', changed);
  addEventListener('focus', () => void send());
  setInterval(() => void send(), 10_000);
  void look().then(send);
}
