// What has happened to an article, and where we keep stock.
import { Badge, Group, Stack, TextInput } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useSearch } from 'wouter';
import { moment, quantity } from '../format';
import type { Location, Movement } from '../gen/hansa/inventory/v1/staff_pb';
import { useWords } from '../i18n';
import { inventory } from '../rpc';
import { person } from '../session';
import { FormButton } from '../ui/act';
import { ItemSearch, itemOf } from '../ui/item';
import { usePartners } from '../ui/partner';
import { Empty, Loaded, Paged } from '../ui/states';
import { type Column, List } from '../ui/table';

export function Movements() {
  const { t, language } = useWords();
  const words = t.movements;
  const partners = usePartners();
  const asked = new URLSearchParams(useSearch()).get('item') ?? '';
  const query = useInfiniteQuery({
    queryKey: ['level', 'movements', asked],
    queryFn: ({ pageParam }) => inventory.listMovements({ item: asked ? itemOf(asked) : undefined, page: pageParam }),
    initialPageParam: '',
    getNextPageParam: (last) => last.nextPage || undefined,
  });
  const kind = (one: Movement) => words.kinds[one.kind as keyof typeof words.kinds] ?? one.kind;
  const account = (name: string) => words.accounts[name as keyof typeof words.accounts] ?? name;
  const columns: Column<Movement>[] = [
    { name: t.stock.sku, show: (one) => <span className="code">{one.sku}</span>, text: (one) => one.sku },
    { name: words.at, show: (one) => moment(one.movedAt, language), text: (one) => moment(one.movedAt, 'en') },
    { name: words.kind, show: (one) => <Badge>{kind(one)}</Badge>, text: kind },
    {
      name: words.units,
      show: (one) => <b>{quantity(one.quantity, language)}</b>,
      text: (one) => quantity(one.quantity, 'en'),
      number: true,
    },
    {
      name: words.way,
      show: (one) => `${account(one.fromAccount)} → ${account(one.toAccount)}`,
      text: (one) => `${one.fromAccount} ${one.toAccount}`,
    },
    {
      name: t.stock.place,
      show: (one) => [one.location, one.lot].filter(Boolean).join(' · '),
      text: (one) => [one.location, one.lot].filter(Boolean).join(' '),
    },
    {
      name: t.links.partner,
      show: (one) => (one.linkId ? partners.name(one.linkId) : ''),
      text: (one) => (one.linkId ? partners.name(one.linkId) : ''),
    },
  ];
  return (
    <Stack>
      <ItemSearch tab="movements" all />
      <Paged query={query} rows={query.data?.pages.flatMap((page) => page.movements)} none={words.none}>
        {(rows) => <List label={words.title} rows={rows} columns={columns} id={(one) => one.id} />}
      </Paged>
    </Stack>
  );
}

export function Places() {
  const { t } = useWords();
  const words = t.movements;
  const query = useQuery({ queryKey: ['location'], queryFn: () => inventory.listLocations({}) });
  const columns: Column<Location>[] = [
    { name: words.code, show: (one) => <span className="code">{one.code}</span>, text: (one) => one.code },
    { name: words.name, show: (one) => one.name, text: (one) => one.name },
    { name: 'GLN', show: (one) => <span className="code">{one.gln}</span>, text: (one) => one.gln },
  ];
  return (
    <Stack>
      {person()?.may.includes('stock.write') && (
        <Group>
          <PutPlace />
        </Group>
      )}
      <Loaded query={query}>
        {({ locations }) =>
          locations.length === 0 ? (
            <Empty>{words.noPlaces}</Empty>
          ) : (
            <List label={words.places} rows={locations} columns={columns} id={(one) => one.code} />
          )
        }
      </Loaded>
    </Stack>
  );
}

function PutPlace() {
  const { t } = useWords();
  const words = t.movements;
  const [form, setForm] = useState({ code: '', name: '', gln: '' });
  const field = (name: keyof typeof form, label: string, description?: string) => (
    <TextInput
      label={label}
      description={description}
      value={form[name]}
      onChange={(event) => setForm({ ...form, [name]: event.currentTarget.value })}
    />
  );
  return (
    <FormButton
      label={words.put}
      submit={t.common.save}
      ready={form.code.trim() !== '' && form.name.trim() !== ''}
      touched={['location']}
      work={() =>
        inventory.putLocation({
          location: { code: form.code.trim(), name: form.name.trim(), gln: form.gln.trim() },
        })
      }
      done={() => setForm({ code: '', name: '', gln: '' })}
    >
      {field('code', words.code, words.codeRule)}
      {field('name', words.name)}
      {field('gln', words.gln)}
    </FormButton>
  );
}
