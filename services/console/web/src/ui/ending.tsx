// What becomes of an app's documents when it is shared no more.

import { List, Text } from '@mantine/core';
import type { App } from '../gen/hansa/apps/v1/staff_pb';
import { useWords } from '../i18n';
import { useKinds } from './kinds';

export function AtTheEnd({ app }: { app: App }) {
  const { t } = useWords();
  const kinds = useKinds();
  if (!app.startedBy) return null;
  const kept = Object.entries(app.keptDays);
  return (
    <div>
      <Text size="sm" fw={600}>
        {t.apps.atTheEnd}
      </Text>
      <List size="sm">
        <List.Item>{t.apps.running[app.running as keyof typeof t.apps.running] ?? app.running}</List.Item>
        {kept.length === 0 && <List.Item>{t.apps.keptAll}</List.Item>}
        {kept.map(([role, days]) => (
          <List.Item key={role}>{t.apps.kept(kinds.word(app.kind, role), days)}</List.Item>
        ))}
      </List>
    </div>
  );
}
