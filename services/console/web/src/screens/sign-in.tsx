// How one comes in: with a name and a password, by the sign-in of one's own enterprise, or by an invitation that lets one choose.
import {
  Alert,
  Button,
  Card,
  Center,
  Checkbox,
  Divider,
  Group,
  PasswordInput,
  Stack,
  Text,
  TextInput,
  Title,
} from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { type FormEvent, useRef, useState } from 'react';
import { faultOf } from '../fault';
import { useWords } from '../i18n';
import { cameBack, companyHere, goToCompany, hasCompany, join, keepPeople, knownPeople, signIn } from '../session';

/** What stands behind the # of an invitation; it leaves the address bar at once. */
function invitation(): string {
  const link = location.pathname === '/console/invited' ? location.hash.slice(1) : '';
  if (link) history.replaceState(null, '', '/console/invited');
  return link;
}

export function SignIn({ ended }: { ended: boolean }) {
  const { t, language, speak } = useWords();
  const [link] = useState(invitation);
  const [login, setLogin] = useState('');
  const [password, setPassword] = useState('');
  const [people, setPeople] = useState(knownPeople);
  const secret = useRef<HTMLInputElement>(null);
  const come = useMutation({
    mutationFn: async () => void (await (link ? join(link, login, password) : signIn(login, password))),
  });
  const [at] = useState(companyHere);
  const [back] = useState(cameBack);
  const company = link ? { link } : { at };
  const known = useQuery({
    queryKey: ['company', company],
    queryFn: () => hasCompany(company),
    enabled: link !== '' || at !== '',
  });
  const away = useMutation({ mutationFn: () => goToCompany(company) });
  const error = come.error ?? away.error ?? (back ? { reason: back, message: t.signIn.reasons.UNVOUCHED } : undefined);
  const fault = error ? faultOf(error) : undefined;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    come.mutate();
  };
  return (
    <Center component="main" mih="100dvh" p="md">
      <Card withBorder shadow="sm" padding="xl" w="100%" maw={400}>
        <form onSubmit={submit}>
          <Stack>
            <Stack gap={2}>
              <Title order={1} size="h2">
                Hansa
              </Title>
              <Text c="dimmed">{link ? t.signIn.chosen : t.signIn.title}</Text>
            </Stack>
            {ended && !fault && <Alert color="yellow">{t.signIn.ended}</Alert>}
            {fault && (
              <Alert color="red" role="alert">
                {fault.offline
                  ? t.state.offlineText
                  : (t.signIn.reasons[fault.reason as keyof typeof t.signIn.reasons] ?? fault.text)}
              </Alert>
            )}
            {known.data && (
              <>
                <Button variant="light" loading={away.isPending} onClick={() => away.mutate()} fullWidth>
                  {t.signIn.company}
                </Button>
                <Divider label={t.signIn.or} />
              </>
            )}
            {!link && people && people.length > 0 && (
              <Group gap="xs" role="group" aria-label={t.signIn.who}>
                {people.map((one) => (
                  <Button
                    key={one.login}
                    size="xs"
                    variant={one.login === login ? 'filled' : 'default'}
                    aria-pressed={one.login === login}
                    onClick={() => {
                      setLogin(one.login);
                      secret.current?.focus();
                    }}
                  >
                    {one.name}
                  </Button>
                ))}
              </Group>
            )}
            <TextInput
              label={t.signIn.login}
              value={login}
              onChange={(event) => setLogin(event.currentTarget.value)}
              autoComplete="username"
              autoCapitalize="none"
              required
              error={fault?.field === 'login' && t.signIn.loginRule}
            />
            <PasswordInput
              label={t.signIn.password}
              description={link ? t.signIn.passwordRule : undefined}
              ref={secret}
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
              autoComplete={link ? 'new-password' : 'current-password'}
              required
              error={fault?.field === 'password' && t.signIn.passwordRule}
              visibilityToggleButtonProps={{ 'aria-label': t.signIn.show, tabIndex: 0 }}
            />
            {!link && (
              <Checkbox
                label={t.signIn.shared}
                checked={people !== undefined}
                onChange={(event) => {
                  keepPeople(event.currentTarget.checked);
                  setPeople(knownPeople());
                }}
              />
            )}
            <Button type="submit" loading={come.isPending} fullWidth>
              {link ? t.signIn.join : t.signIn.enter}
            </Button>
            <Group justify="center">
              <Button
                variant="subtle"
                size="xs"
                onClick={() => speak(language === 'zh' ? 'en' : 'zh')}
                lang={language === 'zh' ? 'en' : 'zh'}
              >
                {language === 'zh' ? 'English' : '中文'}
              </Button>
            </Group>
          </Stack>
        </form>
      </Card>
    </Center>
  );
}
