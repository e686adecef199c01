// A part of the home screen: what there is of one thing, and where all of it stands.
import { Card, Group, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { useWords } from '../i18n';

export function Box({ title, to, children }: { title: string; to?: string; children: ReactNode }) {
  const { t } = useWords();
  return (
    <Card withBorder padding="md">
      <Group justify="space-between" mb="xs">
        <Title order={2} size="h4">
          {title}
        </Title>
        {to && (
          <Link href={to} aria-label={`${t.home.all}: ${title}`}>
            {t.home.all}
          </Link>
        )}
      </Group>
      {children}
    </Card>
  );
}
