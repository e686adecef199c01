// Messages of a partner that could not be processed: each stands until somebody tries it again, or gives it up.
import { Button, Card, Group, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { moment } from '../format';
import type { ParkedMessage } from '../gen/hansa/link/v1/staff_pb';
import { useWords } from '../i18n';
import { links } from '../rpc';
import { person } from '../session';
import { AskedButton, useAct } from '../ui/act';
import { Loaded, Refused } from '../ui/states';
import { type Column, List } from '../ui/table';

export function Parked({ id }: { id: string }) {
  const { t, language } = useWords();
  const words = t.parked;
  const query = useQuery({ queryKey: ['link', 'parked', id], queryFn: () => links.listParked({ id }) });
  const columns: Column<ParkedMessage>[] = [
    { name: words.what, show: (one) => one.type, text: (one) => one.type },
    { name: words.number, show: (one) => String(one.number), text: (one) => String(one.number), number: true },
    {
      name: words.why,
      show: (one) => (one.waiting ? words.behind : one.reason),
      text: (one) => (one.waiting ? words.behind : one.reason),
    },
    { name: words.at, show: (one) => moment(one.receivedAt, language), text: (one) => moment(one.receivedAt, 'en') },
    {
      name: t.stock.ways,
      show: (one) => (!one.waiting && person()?.may.includes('link.write') ? <Ways id={id} one={one} /> : ''),
    },
  ];
  return (
    <Card withBorder>
      <Title order={2} size="h4" mb="xs">
        {words.title}
      </Title>
      <Text size="sm" mb="xs">
        {words.about}
      </Text>
      <Loaded query={query}>
        {({ messages }) => (
          <List label={words.title} rows={messages} columns={columns} id={(one) => `${one.class}/${one.number}`} />
        )}
      </Loaded>
    </Card>
  );
}

function Ways({ id, one }: { id: string; one: ParkedMessage }) {
  const { t } = useWords();
  const words = t.parked;
  const which = { id, number: one.number, class: one.class };
  const again = useAct(() => links.replayParked(which), ['link']);
  return (
    <Stack gap={4}>
      <Group gap={6}>
        <Button size="xs" variant="default" loading={again.isPending} onClick={() => again.mutate(undefined)}>
          {t.common.again}
        </Button>
        <AskedButton
          size="xs"
          color="red"
          variant="light"
          label={words.skip}
          warning={words.skipText}
          touched={['link']}
          work={() => links.replayParked({ ...which, skip: true })}
        />
      </Group>
      {again.data?.reason && <Text size="sm">{again.data.reason}</Text>}
      {again.isError && <Refused error={again.error} />}
    </Stack>
  );
}
