// One stream tells this page what has changed; whatever shows it asks again.
import { Code, ConnectError } from '@connectrpc/connect';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { directoryStreams } from './rpc';

const PAUSE_FIRST = 250;
const PAUSE_MAX = 10_000;

export function useLive() {
  const queries = useQueryClient();
  useEffect(() => {
    const end = new AbortController();
    follow((topic) => queries.invalidateQueries(topic ? { queryKey: [topic] } : undefined), end.signal);
    return () => end.abort();
  }, [queries]);
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
