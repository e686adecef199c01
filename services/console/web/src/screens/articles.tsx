// Our articles, found by words, with what we have of each anywhere.
import { Button, Group, Stack, TextInput } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { number, quantity } from '../format';
import type { ItemStock } from '../gen/hansa/inventory/v1/staff_pb';
import { useWords } from '../i18n';
import { inventory } from '../rpc';
import { Paged } from '../ui/states';
import { type Column, List } from '../ui/table';

export function Articles() {
  const { t, language } = useWords();
  const asked = new URLSearchParams(useSearch()).get('text') ?? '';
  const query = useInfiniteQuery({
    queryKey: ['article', 'all', asked],
    queryFn: ({ pageParam }) => inventory.listItems({ text: asked, page: pageParam }),
    initialPageParam: '',
    getNextPageParam: (last) => last.nextPage || undefined,
  });
  const figure = (name: string, of: (row: ItemStock) => ItemStock['onHand']): Column<ItemStock> => ({
    name,
    show: (row) => quantity(of(row), language),
    text: (row) => quantity(of(row), 'en'),
    number: true,
  });
  const columns: Column<ItemStock>[] = [
    { name: t.stock.article, show: (row) => row.name || row.sku, text: (row) => row.name },
    { name: t.stock.sku, show: (row) => <span className="code">{row.sku}</span>, text: (row) => row.sku },
    { name: t.stock.gtin, show: (row) => <span className="code">{row.gtin}</span>, text: (row) => row.gtin },
    figure(t.stock.onHand, (row) => row.onHand),
    figure(t.stock.reserved, (row) => row.reserved),
    figure(t.stock.incoming, (row) => row.incoming),
    {
      name: t.articles.places,
      show: (row) => number(row.places, language),
      text: (row) => String(row.places),
      number: true,
    },
    {
      name: t.stock.ways,
      show: (row) => (
        <Link href={`/stock?tab=partners&item=${encodeURIComponent(row.gtin || row.sku)}`}>
          {t.articles.atPartners}
        </Link>
      ),
    },
  ];
  return (
    <Stack>
      <Search key={asked} asked={asked} />
      <Paged
        query={query}
        rows={query.data?.pages.flatMap(({ items }) => items)}
        none={asked ? t.articles.notFound : t.stock.none}
      >
        {(rows) => (
          <List
            label={t.articles.title}
            rows={rows}
            columns={columns}
            id={(row) => row.sku}
            to={(row) => `/stock?tab=ours&item=${encodeURIComponent(row.sku)}`}
          />
        )}
      </Paged>
    </Stack>
  );
}

function Search({ asked }: { asked: string }) {
  const { t } = useWords();
  const [, go] = useLocation();
  const [text, setText] = useState(asked);
  const find = (event: FormEvent) => {
    event.preventDefault();
    go(`/stock?tab=articles${text.trim() ? `&text=${encodeURIComponent(text.trim())}` : ''}`);
  };
  return (
    <form onSubmit={find}>
      <Group align="flex-end">
        <TextInput
          label={t.articles.words}
          value={text}
          maxLength={100}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <Button type="submit" variant="default">
          {t.common.find}
        </Button>
      </Group>
    </form>
  );
}
