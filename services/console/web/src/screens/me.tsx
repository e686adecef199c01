// Oneself: where one is signed in, and another password.
import { Badge, Button, Card, Group, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { moment } from '../format';
import type { SignIn } from '../gen/hansa/directory/v1/staff_pb';
import { useWords } from '../i18n';
import { directory } from '../rpc';
import { person, signOut } from '../session';
import { AskedButton, useAct } from '../ui/act';
import { Loaded, Page, Refused } from '../ui/states';
import { type Column, List } from '../ui/table';
import { Delegations } from './delegations';

export default function Me() {
  const { t, language } = useWords();
  const query = useQuery({ queryKey: ['session'], queryFn: () => directory.listSessions({}) });
  const who = useQuery({ queryKey: ['session', 'who'], queryFn: () => directory.whoAmI({}) });
  const columns: Column<SignIn>[] = [
    { name: t.me.browser, show: (one) => one.browser },
    { name: t.me.since, show: (one) => moment(one.createdAt, language) },
    { name: t.staff.until, show: (one) => moment(one.expiresAt, language) },
    {
      name: t.stock.ways,
      show: (one) =>
        one.current ? (
          <Badge color="teal">{t.me.here}</Badge>
        ) : (
          <AskedButton
            size="xs"
            variant="default"
            label={t.nav.signOut}
            warning={t.me.endText}
            touched={['session']}
            work={() => directory.endSessions({ id: one.id })}
          />
        ),
    },
  ];
  return (
    <Page
      title={person()?.staffName ?? t.nav.me}
      actions={
        <AskedButton
          label={t.me.everywhere}
          color="red"
          variant="light"
          warning={t.me.everywhereText}
          touched={[]}
          work={() => directory.endSessions({})}
          done={() => void signOut()}
        />
      }
    >
      <Card withBorder>
        <Title order={2} size="h4" mb="xs">
          {t.me.sessions}
        </Title>
        <Loaded query={query}>
          {(answer) => <List label={t.me.sessions} rows={answer.sessions} columns={columns} id={(one) => one.id} />}
        </Loaded>
      </Card>
      {person()?.may.includes('approval.decide') && <Delegations />}
      {who.data?.login && <Password login={who.data.login} />}
    </Page>
  );
}

/** Of whoever has one: a company's own sign-in has its own place for that. */
function Password({ login }: { login: string }) {
  const { t } = useWords();
  const [old, setOld] = useState('');
  const [next, setNext] = useState('');
  const change = useAct(
    () => directory.changePassword({ old, new: next }),
    ['session'],
    () => {
      setOld('');
      setNext('');
    },
  );
  return (
    <Card withBorder maw={480}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate();
        }}
      >
        <Stack>
          <Title order={2} size="h4">
            {t.me.password}
          </Title>
          <TextInput label={t.signIn.login} value={login} readOnly autoComplete="username" />
          <PasswordInput
            label={t.me.old}
            value={old}
            onChange={(event) => setOld(event.currentTarget.value)}
            autoComplete="current-password"
          />
          <PasswordInput
            label={t.me.next}
            description={t.signIn.passwordRule}
            value={next}
            onChange={(event) => setNext(event.currentTarget.value)}
            autoComplete="new-password"
          />
          {change.isError && <Refused error={change.error} />}
          <Group justify="space-between">
            <Text size="sm" c="dimmed">
              {t.me.others}
            </Text>
            <Button type="submit" loading={change.isPending} disabled={!old || !next}>
              {t.common.save}
            </Button>
          </Group>
        </Stack>
      </form>
    </Card>
  );
}
