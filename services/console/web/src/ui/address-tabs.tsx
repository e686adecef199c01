// Tabs that stand in the address, so that they survive a reload and can be sent to somebody.
import { Tabs } from '@mantine/core';
import type { ReactNode } from 'react';
import { useLocation, useSearch } from 'wouter';

export interface Tab {
  value: string;
  name: string;
  show: () => ReactNode;
}

export function AddressTabs({ path, tabs }: { path: string; tabs: Tab[] }) {
  const [, go] = useLocation();
  const asked = new URLSearchParams(useSearch()).get('tab');
  const here = tabs.find(({ value }) => value === asked) ?? tabs[0];
  return (
    <Tabs value={here?.value} onChange={(value) => go(`${path}?tab=${value}`)} keepMounted={false}>
      <Tabs.List>
        {tabs.map(({ value, name }) => (
          <Tabs.Tab key={value} value={value}>
            {name}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      <Tabs.Panel value={here?.value ?? ''} pt="md">
        {here?.show()}
      </Tabs.Panel>
    </Tabs>
  );
}
