// The customer of a document: the page that they have, with one timeline and one contact.
import { Card, Checkbox, Group, NativeSelect, Stack, Text, TextInput, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { moment } from '../format';
import type { Document } from '../gen/hansa/documents/v1/staff_pb';
import { useWords } from '../i18n';
import { documents } from '../rpc';
import { AskedButton, FormButton } from './act';
import { Copied, Refused } from './states';

export function Customer({ one }: { one: Document }) {
  const { t, language } = useWords();
  const [email, setEmail] = useState('');
  const [spoken, setSpoken] = useState<string>(language);
  const [contact, setContact] = useState('');
  const [mail, setMail] = useState(false);
  const [address, setAddress] = useState('');
  const query = useQuery({
    queryKey: ['document', 'customer', one.id],
    queryFn: () => documents.getCustomerPage({ id: one.id }),
  });
  const page = query.data;
  const open = page?.until !== undefined;
  return (
    <Card withBorder>
      <Stack gap="xs">
        <Group justify="space-between">
          <Title order={2} size="h4">
            {t.customer.title}
          </Title>
          <Group gap="xs">
            {open && (
              <AskedButton
                size="xs"
                variant="default"
                label={t.customer.close}
                warning={t.customer.closeText}
                touched={['document']}
                work={() => documents.closeCustomerPage({ id: one.id })}
                done={() => setAddress('')}
              />
            )}
            <FormButton
              size="xs"
              label={open ? t.customer.again : t.customer.open}
              title={t.customer.title}
              touched={['document']}
              work={async () => {
                const made = await documents.openCustomerPage({ id: one.id, email, language: spoken, contact, mail });
                setAddress(made.address);
              }}
            >
              <TextInput
                label={t.pools.email}
                type="email"
                value={email}
                onChange={(event) => setEmail(event.currentTarget.value)}
              />
              <NativeSelect
                label={t.pools.language}
                data={['en', 'de', 'zh']}
                value={spoken}
                onChange={(event) => setSpoken(event.currentTarget.value)}
              />
              <TextInput
                label={t.customer.contact}
                value={contact}
                maxLength={200}
                onChange={(event) => setContact(event.currentTarget.value)}
              />
              <Checkbox
                label={t.customer.mail}
                checked={mail}
                disabled={email === ''}
                onChange={(event) => setMail(event.currentTarget.checked)}
              />
            </FormButton>
          </Group>
        </Group>
        {query.isError && <Refused error={query.error} />}
        {!open && <Text size="sm">{t.customer.none}</Text>}
        {open && <Text size="sm">{t.customer.until(page.contact, page.email, moment(page.until, language))}</Text>}
        {address && <Copied label={t.customer.address} text={address} />}
      </Stack>
    </Card>
  );
}
