// What people of both sides say to each other about a link or a document.
import { Button, Card, Group, Paper, Stack, Text, Textarea, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useEffect, useState } from 'react';
import { moment } from '../format';
import type { EntryShown } from '../gen/hansa/conversations/v1/staff_pb';
import { useWords } from '../i18n';
import { conversations } from '../rpc-trade';
import { person } from '../session';
import { useAct } from './act';
import { uuid7 } from './lines';
import { Loaded, Refused } from './states';

export type About = { case: 'linkId'; value: string } | { case: 'documentId'; value: string };

export function ThreadPanel({ about }: { about: About }) {
  const { t } = useWords();
  const subject = { about };
  const query = useQuery({
    queryKey: ['thread', about.case, about.value],
    queryFn: async () => {
      const all: EntryShown[] = [];
      for (let after = 0n; ; ) {
        const answer = await conversations.getThread({ subject, after, pageSize: 200 });
        all.push(...answer.entries);
        const last = answer.entries.findLast((entry) => entry.place > 0n)?.place ?? 0n;
        if (!answer.more || last <= after) return { thread: answer.thread, entries: all };
        after = last;
      }
    },
  });
  const [last, read] = [query.data?.thread?.last ?? 0n, query.data?.thread?.read ?? 0n];
  // biome-ignore lint/correctness/useExhaustiveDependencies: read once for each newest place of this thread
  useEffect(() => {
    if (last > read) conversations.markRead({ subject, place: last }).catch(() => undefined);
  }, [about.value, last, read]);
  return (
    <Card withBorder>
      <Title order={2} size="h4" mb="xs">
        {t.threads.title}
      </Title>
      <Loaded query={query}>
        {({ entries }) => (
          <Stack gap="xs">
            {entries.length === 0 && <Text size="sm">{t.threads.silent}</Text>}
            {entries.map((entry) => (
              <Said key={entry.id} entry={entry} />
            ))}
          </Stack>
        )}
      </Loaded>
      {person()?.may.includes('thread.write') && query.isSuccess && <Write about={about} />}
    </Card>
  );
}

function Said({ entry }: { entry: EntryShown }) {
  const { t, language } = useWords();
  const ours = entry.enterpriseId === person()?.enterpriseId;
  return (
    <Paper
      withBorder
      p="xs"
      maw="85%"
      ml={ours ? 'auto' : undefined}
      bg={ours ? 'var(--mantine-primary-color-light)' : undefined}
    >
      <Text size="xs">
        <b>{entry.author}</b> · {entry.enterpriseName} · {moment(entry.at, language)}
        {entry.state === 'sent' ? ` · ${t.threads.sent}` : ''}
        {entry.state === 'refused' ? ` · ${t.state.refused}: ${entry.reason}` : ''}
        {entry.earlier.length > 0 ? ` · ${t.threads.edited}` : ''}
      </Text>
      <Text size="sm" style={{ whiteSpace: 'pre-wrap' }} fs={entry.withdrawn ? 'italic' : undefined}>
        {entry.withdrawn ? t.threads.withdrawn : entry.text}
      </Text>
      {entry.files.map((one) => (
        <Text size="xs" key={one.file?.name}>
          {one.file?.name}
        </Text>
      ))}
    </Paper>
  );
}

function Write({ about }: { about: About }) {
  const { t } = useWords();
  const [text, setText] = useState('');
  // The same one when it is sent again: it is said once.
  const [entryId, setEntryId] = useState(uuid7);
  const write = useAct(
    () => conversations.writeEntry({ subject: { about }, entryId, text: text.trim() }),
    ['thread'],
    () => {
      setText('');
      setEntryId(uuid7());
    },
  );
  const send = (event: FormEvent) => {
    event.preventDefault();
    write.mutate();
  };
  return (
    <form onSubmit={send}>
      <Stack gap="xs" mt="sm">
        <Textarea
          label={t.threads.write}
          value={text}
          maxLength={4_000}
          onChange={(event) => setText(event.currentTarget.value)}
          autosize
          minRows={2}
        />
        {write.isError && <Refused error={write.error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={write.isPending} disabled={text.trim() === ''}>
            {t.threads.send}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
