// One stream tells this page what has changed; whatever shows it asks again.
import { Code, ConnectError } from '@connectrpc/connect';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { directoryStreams } from './rpc';

const PAUSE_FIRST = 250;
const PAUSE_MAX = 10_000;
/** What changes without end is asked for at most so often. */
const ASK_EVERY = 1_000;
/** What else is shown of a topic. */
const ALSO: Record<string, string[]> = { consent: ['publication', 'withdrawal'] };

export function useLive() {
  const queries = useQueryClient();
  useEffect(() => {
    const end = new AbortController();
    const ask = (topic: string) => {
      for (const one of [topic, ...(ALSO[topic] ?? [])]) queries.invalidateQueries({ queryKey: [one] });
    };
    const changed = seldom(ask);
    follow((topic) => (topic ? changed(topic) : queries.invalidateQueries()), end.signal);
    return () => end.abort();
  }, [queries]);
}

/** The first time at once; what comes soon after is done once, later. */
function seldom(done: (topic: string) => void): (topic: string) => void {
  const waiting = new Map<string, boolean>();
  const rest = (topic: string) => {
    setTimeout(() => {
      const again = waiting.get(topic);
      waiting.delete(topic);
      if (again) run(topic);
    }, ASK_EVERY);
  };
  const run = (topic: string) => {
    waiting.set(topic, false);
    rest(topic);
    done(topic);
  };
  return (topic) => (waiting.has(topic) ? waiting.set(topic, true) : run(topic));
}

async function follow(changed: (topic?: string) => void, end: AbortSignal) {
  let resumeToken = '';
  let pause = PAUSE_FIRST;
  while (!end.aborted) {
    try {
      for await (const told of directoryStreams.watchChanges({ resumeToken }, { signal: end })) {
        resumeToken = told.resumeToken || resumeToken;
        pause = PAUSE_FIRST;
        if (told.update.case === 'change') changed(told.update.value.topic);
        if (told.update.case === 'resync') changed();
      }
    } catch (error) {
      const code = ConnectError.from(error).code;
      if (end.aborted || code === Code.Unauthenticated) return;
      if (code === Code.InvalidArgument) resumeToken = '';
    }
    await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random())));
    pause = Math.min(pause * 2, PAUSE_MAX);
  }
}
