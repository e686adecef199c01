// The sign-in of our own enterprise: which issuer vouches for our people.
import { Card, Group, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useWords } from '../i18n';
import { egress } from '../rpc';
import { person } from '../session';
import { AskedButton, FormButton } from '../ui/act';
import { Copied, Loaded } from '../ui/states';

export function Issuer() {
  const { t } = useWords();
  const may = person()?.may.includes('staff.write');
  const query = useQuery({ queryKey: ['issuer'], queryFn: () => egress.getIssuer({}) });
  return (
    <Card withBorder>
      <Loaded query={query}>
        {({ issuer, redirectUri }) => (
          <Stack gap="sm">
            <Group justify="space-between" gap="sm">
              <Title order={2} size="h4">
                {t.issuer.title}
              </Title>
              <Group gap="xs">
                {may && issuer && (
                  <AskedButton
                    size="xs"
                    variant="default"
                    label={t.issuer.remove}
                    warning={t.issuer.removeText}
                    touched={['issuer']}
                    work={() => egress.removeIssuer({})}
                  />
                )}
                {may && <SetIssuer redirectUri={redirectUri} url={issuer?.url} clientId={issuer?.clientId} />}
              </Group>
            </Group>
            <Text size="sm" c="dimmed">
              {issuer ? t.issuer.vouches(issuer.url) : t.issuer.none}
            </Text>
            {issuer && <Copied label={t.issuer.begin} text={issuer.signInUrl} />}
          </Stack>
        )}
      </Loaded>
    </Card>
  );
}

function SetIssuer({ redirectUri, ...now }: { redirectUri: string; url?: string; clientId?: string }) {
  const { t } = useWords();
  const [url, setUrl] = useState(now.url ?? '');
  const [clientId, setClientId] = useState(now.clientId ?? '');
  const [clientSecret, setClientSecret] = useState('');
  return (
    <FormButton
      size="xs"
      label={now.url ? t.links.change : t.issuer.set}
      title={t.issuer.title}
      submit={t.common.save}
      ready={url !== '' && clientId !== ''}
      touched={['issuer']}
      work={() => egress.setIssuer({ url, clientId, clientSecret })}
      done={() => setClientSecret('')}
      wide
    >
      <Copied label={t.issuer.redirect} text={redirectUri} />
      <TextInput
        label={t.issuer.url}
        placeholder="https://login.example.com"
        value={url}
        maxLength={500}
        onChange={(event) => setUrl(event.currentTarget.value)}
      />
      <TextInput
        label={t.issuer.clientId}
        value={clientId}
        maxLength={200}
        onChange={(event) => setClientId(event.currentTarget.value)}
      />
      <PasswordInput
        label={t.issuer.clientSecret}
        description={t.issuer.clientSecretText}
        value={clientSecret}
        maxLength={200}
        autoComplete="off"
        onChange={(event) => setClientSecret(event.currentTarget.value)}
        visibilityToggleButtonProps={{ 'aria-label': t.signIn.show, tabIndex: 0 }}
      />
    </FormButton>
  );
}
