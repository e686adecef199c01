// Levels of which less is free than must be there.
import { Badge, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import { number, quantity } from '../format';
import type { Level } from '../gen/hansa/inventory/v1/staff_pb';
import { useWords } from '../i18n';
import { inventory } from '../rpc';
import { person } from '../session';
import { LevelForm } from '../ui/item';
import { free } from '../ui/level';
import { Empty, Loaded, Waiting } from '../ui/states';
import { type Column, List } from '../ui/table';

const Bars = lazy(() => import('../ui/bars'));
/** Levels in the chart; the list has all of them. */
const DRAWN = 15;

const missing = (level: Level) => (level.safetyStock?.value ?? 0n) - free(level);
const share = (level: Level) => Math.max(0, Math.round((100 * Number(free(level))) / Number(level.safetyStock?.value)));

export function Low() {
  const { t, language } = useWords();
  const words = t.figures.low;
  const query = useQuery({ queryKey: ['level', 'low'], queryFn: () => inventory.listLow({}) });
  const article = (level: Level) => level.name || level.sku;
  const columns: Column<Level>[] = [
    { name: t.stock.article, show: article, text: article },
    { name: t.stock.sku, show: (level) => <span className="code">{level.sku}</span>, text: (level) => level.sku },
    {
      name: t.stock.place,
      show: (level) => [level.location, level.lot].filter(Boolean).join(' · '),
      text: (level) => [level.location, level.lot].filter(Boolean).join(' '),
    },
    {
      name: words.free,
      show: (level) => <b>{number(free(level), language)}</b>,
      text: (level) => free(level).toString(),
      number: true,
    },
    {
      name: words.safety,
      show: (level) => quantity(level.safetyStock, language),
      text: (level) => quantity(level.safetyStock, 'en'),
      number: true,
    },
    {
      name: words.missing,
      show: (level) => <Badge color="red">{number(missing(level), language)}</Badge>,
      text: (level) => missing(level).toString(),
      number: true,
    },
    {
      name: t.stock.incoming,
      show: (level) => quantity(level.incoming, language),
      text: (level) => quantity(level.incoming, 'en'),
      number: true,
    },
  ];
  return (
    <Stack>
      {person()?.may.includes('stock.write') && (
        <div>
          <LevelForm
            label={words.set}
            units={words.safety}
            rule={words.rule}
            work={({ units, ...level }) =>
              inventory.setSafetyStock({ ...level, safetyStock: { value: units, scale: 0, unit: '' } })
            }
          />
        </div>
      )}
      <Loaded query={query}>
        {({ levels, all, watched }) =>
          levels.length === 0 ? (
            <Empty>{watched === 0n ? words.unwatched : words.none}</Empty>
          ) : (
            <>
              <Text size="sm">
                {words.some(number(all, language), number(watched, language))}
                {all > BigInt(levels.length) && ` ${words.emptiest(number(levels.length, language))}`}
              </Text>
              <Suspense fallback={<Waiting />}>
                <Bars
                  label={words.share}
                  figures={levels.slice(0, DRAWN).map((level) => ({
                    name: `${article(level)} · ${level.location}`,
                    value: share(level),
                  }))}
                  write={(value) => `${number(value, language)} %`}
                />
              </Suspense>
              <List
                label={words.title}
                rows={levels}
                columns={columns}
                id={(level) => `${level.sku}/${level.location}/${level.lot}`}
              />
            </>
          )
        }
      </Loaded>
    </Stack>
  );
}
