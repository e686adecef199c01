// What a screen shows while it has nothing to show: waiting, nothing there, refused, gone.
import { Alert, Button, CopyButton, Group, Skeleton, Stack, Text, TextInput, Title } from '@mantine/core';
import { IconAlertTriangle, IconCloudOff, IconLock, IconMoodEmpty } from '@tabler/icons-react';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { faultOf } from '../fault';
import { useWords } from '../i18n';

export function Waiting() {
  const { t } = useWords();
  return (
    <Stack gap="sm" aria-busy="true" role="status" aria-label={t.common.loading}>
      {[0, 1, 2, 3].map((line) => (
        <Skeleton key={line} height={28} radius="sm" />
      ))}
    </Stack>
  );
}

export function Empty({ children }: { children: ReactNode }) {
  return (
    <Stack align="center" gap="xs" py="xl">
      <IconMoodEmpty size={36} stroke={1.3} aria-hidden />
      <Text ta="center" maw={460} c="dimmed">
        {children}
      </Text>
    </Stack>
  );
}

/** A refusal in words: what, by which rule, and who can change that. */
export function Refused({ error, retry }: { error: unknown; retry?: () => void }) {
  const { t } = useWords();
  const fault = faultOf(error);
  const [title, icon] = fault.offline
    ? [t.state.offline, <IconCloudOff key="icon" size={20} aria-hidden />]
    : fault.forbidden
      ? [t.state.forbidden, <IconLock key="icon" size={20} aria-hidden />]
      : [fault.missing ? t.state.missing : t.state.refused, <IconAlertTriangle key="icon" size={20} aria-hidden />];
  const changer = fault.changeableBy;
  // A refusal of one field says what is wrong with it, and the field is named beside it.
  const text = fault.field ? `${fault.field.replaceAll('_', ' ')}: ${fault.text}` : fault.text;
  return (
    <Alert color={fault.forbidden || fault.offline ? 'yellow' : 'red'} title={title} icon={icon} role="alert">
      <Stack gap={4}>
        {!fault.missing && <Text size="sm">{fault.offline ? t.state.offlineText : text}</Text>}
        {fault.missing && <Text size="sm">{t.state.missingText}</Text>}
        {fault.rule && <Text size="sm">{t.state.rule(fault.rule)}</Text>}
        {changer && <Text size="sm">{t.state.changeableBy(changer)}</Text>}
        {retry && (
          <Group>
            <Button size="xs" variant="default" onClick={retry}>
              {t.common.again}
            </Button>
          </Group>
        )}
      </Stack>
    </Alert>
  );
}

/** One of the four states of a screen. */
export function Loaded<T>({ query, children }: { query: UseQueryResult<T>; children: (data: T) => ReactNode }) {
  if (query.isPending)
    return query.fetchStatus === 'paused' ? <Refused error={new TypeError('offline')} /> : <Waiting />;
  if (query.isError) return <Refused error={query.error} retry={() => query.refetch()} />;
  return <>{children(query.data)}</>;
}

/** Something that is to be taken elsewhere, exactly. */
export function Copied({ label, text }: { label: string; text: string }) {
  const { t } = useWords();
  return (
    <Group align="flex-end" gap="xs" wrap="nowrap">
      <TextInput readOnly label={label} value={text} classNames={{ input: 'code' }} style={{ flex: 1 }} />
      <CopyButton value={text}>
        {({ copied, copy }) => (
          <Button variant="default" onClick={copy}>
            {copied ? t.common.copied : t.common.copy}
          </Button>
        )}
      </CopyButton>
    </Group>
  );
}

interface Pages {
  isPending: boolean;
  isError: boolean;
  error: unknown;
  refetch: () => unknown;
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => unknown;
}

/** A list that goes on: waiting, refused, empty, or what has come so far. */
export function Paged<T>({
  query,
  rows,
  none,
  children,
}: {
  query: Pages;
  rows?: T[];
  none: string;
  children: (rows: T[]) => ReactNode;
}) {
  if (query.isPending) return <Waiting />;
  if (query.isError || !rows) return <Refused error={query.error} retry={() => query.refetch()} />;
  if (rows.length === 0) return <Empty>{none}</Empty>;
  return (
    <Stack>
      {children(rows)}
      <More query={query} />
    </Stack>
  );
}

/** The next page of a list that goes on. */
export function More({
  query,
}: {
  query: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown };
}) {
  const { t } = useWords();
  if (!query.hasNextPage) return null;
  return (
    <Group>
      <Button variant="default" loading={query.isFetchingNextPage} onClick={() => query.fetchNextPage()}>
        {t.common.more}
      </Button>
    </Group>
  );
}

export function Page({ title, actions, children }: { title: string; actions?: ReactNode; children: ReactNode }) {
  return (
    <Stack gap="md">
      <Group justify="space-between" align="center" gap="sm">
        <Title order={1} size="h2">
          {title}
        </Title>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
      {children}
    </Stack>
  );
}
