// Two shells around the same screens: a side bar at a desk, a bar at the bottom of a phone.
import {
  ActionIcon,
  AppShell,
  Badge,
  Burger,
  Group,
  Menu,
  NavLink,
  ScrollArea,
  Text,
  useMantineColorScheme,
} from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import {
  IconApps,
  IconBuildingWarehouse,
  IconChecks,
  IconCloudOff,
  IconDiscount,
  IconFileText,
  IconHistory,
  IconHome,
  IconLanguage,
  IconLink,
  IconLogout,
  IconMessages,
  IconMoon,
  IconPlugConnected,
  IconReceipt,
  IconRoute,
  IconScan,
  IconSun,
  IconTag,
  IconUser,
  IconUsers,
  IconUsersGroup,
} from '@tabler/icons-react';
import type { ComponentType, ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { useOnline, useWaiting } from './device/queue';
import { useWords } from './i18n';
import { knownPeople, person, signOut } from './session';
import { usePhone } from './ui/table';

interface Place {
  path: string;
  name: string;
  icon: ComponentType<{ size?: number; stroke?: number; 'aria-hidden'?: boolean }>;
  /** What one must be allowed to do for it to be of use. */
  action: string;
  also?: string;
  phone?: boolean;
  /** It is a page with a policy of its own, so the browser loads it anew. */
  whole?: boolean;
}

function usePlaces(): Place[] {
  const { t } = useWords();
  const all: Place[] = [
    { path: '/', name: t.nav.home, icon: IconHome, action: 'self.read', phone: true },
    { path: '/scan', name: t.nav.scan, icon: IconScan, action: 'document.write', phone: true, whole: true },
    { path: '/approvals', name: t.nav.approvals, icon: IconChecks, action: 'approval.read', phone: true },
    { path: '/documents', name: t.nav.documents, icon: IconFileText, action: 'document.read', phone: true },
    { path: '/stock', name: t.nav.stock, icon: IconBuildingWarehouse, action: 'stock.read', phone: true },
    { path: '/links', name: t.nav.links, icon: IconLink, action: 'link.read' },
    { path: '/threads', name: t.nav.threads, icon: IconMessages, action: 'thread.read' },
    { path: '/prices', name: t.nav.prices, icon: IconTag, action: 'document.read', also: 'link.read' },
    { path: '/accounts', name: t.nav.accounts, icon: IconReceipt, action: 'document.read', also: 'link.read' },
    { path: '/apps', name: t.nav.apps, icon: IconApps, action: 'app.use' },
    { path: '/pools', name: t.nav.pools, icon: IconUsersGroup, action: 'pool.read', also: 'link.read' },
    { path: '/loyalty', name: t.nav.loyalty, icon: IconDiscount, action: 'loyalty.read' },
    { path: '/flows', name: t.nav.flows, icon: IconRoute, action: 'approval.read', also: 'document.read' },
    { path: '/staff', name: t.nav.staff, icon: IconUsers, action: 'staff.read' },
    { path: '/systems', name: t.nav.systems, icon: IconPlugConnected, action: 'webhook.read' },
    { path: '/audit', name: t.nav.audit, icon: IconHistory, action: 'audit.read' },
    { path: '/me', name: t.nav.me, icon: IconUser, action: 'self.read' },
  ];
  const may = person()?.may ?? [];
  return all.filter(({ action, also = action }) => may.includes(action) && may.includes(also));
}

function Choices() {
  const { t, language, speak } = useWords();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const dark = colorScheme === 'dark' || (colorScheme === 'auto' && matchMedia('(prefers-color-scheme: dark)').matches);
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <ActionIcon variant="subtle" size="lg" aria-label={t.nav.account}>
          <IconUser size={20} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{person()?.staffName}</Menu.Label>
        <Menu.Item
          leftSection={<IconLanguage size={16} aria-hidden />}
          onClick={() => speak(language === 'zh' ? 'en' : 'zh')}
        >
          {language === 'zh' ? 'English' : '中文'}
        </Menu.Item>
        <Menu.Item
          leftSection={dark ? <IconSun size={16} aria-hidden /> : <IconMoon size={16} aria-hidden />}
          onClick={() => setColorScheme(dark ? 'light' : 'dark')}
        >
          {dark ? t.nav.light : t.nav.dark}
        </Menu.Item>
        <Menu.Divider />
        {knownPeople() && (
          <Menu.Item leftSection={<IconUsers size={16} aria-hidden />} onClick={() => void signOut()}>
            {t.nav.change}
          </Menu.Item>
        )}
        <Menu.Item leftSection={<IconLogout size={16} aria-hidden />} onClick={() => void signOut()}>
          {t.nav.signOut}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function isHere(place: Place, location: string) {
  return place.path === '/' ? location === '/' : location === place.path || location.startsWith(`${place.path}/`);
}

export function Shell({ children }: { children: ReactNode }) {
  const { t } = useWords();
  const [location] = useLocation();
  const [open, { toggle, close }] = useDisclosure(false);
  const phone = usePhone();
  const [places, online, waiting] = [usePlaces(), useOnline(), useWaiting()];
  // From the scan page to any other, and back, the browser loads the page anew: the policies differ.
  const whole = (place: Place) => place.whole === true || location.startsWith('/scan');
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 230, breakpoint: 'sm', collapsed: { mobile: !open } }}
      footer={{ height: phone ? 58 : 0 }}
      padding="md"
    >
      <a className="skip" href="#main">
        {t.nav.skip}
      </a>
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap" style={{ minWidth: 0 }}>
            <Burger opened={open} onClick={toggle} hiddenFrom="sm" size="sm" aria-label={t.nav.menu} />
            <Text fw={700} truncate>
              {person()?.enterprise}
            </Text>
          </Group>
          <Group gap="xs" wrap="nowrap">
            {!online &&
              // A phone has no room for the words beside a name and what waits.
              (phone ? (
                <Badge color="yellow" flex="none" role="img" aria-label={t.state.offline}>
                  <IconCloudOff size={14} aria-hidden style={{ display: 'block' }} />
                </Badge>
              ) : (
                <Badge color="yellow" flex="none" leftSection={<IconCloudOff size={12} aria-hidden />}>
                  {t.state.offline}
                </Badge>
              ))}
            {waiting > 0 && (
              <Badge color="orange" flex="none" data-testid="waiting">
                {t.scan.waiting(waiting)}
              </Badge>
            )}
            <Choices />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs">
        <ScrollArea component="nav" aria-label={t.nav.places}>
          {places.map((place) => {
            const shown = { label: place.name, active: isHere(place, location), variant: 'filled' as const };
            const icon = <place.icon key="icon" size={18} stroke={1.7} aria-hidden />;
            return whole(place) ? (
              <NavLink key={place.path} component="a" href={`/console${place.path}`} leftSection={icon} {...shown} />
            ) : (
              <NavLink
                key={place.path}
                component={Link}
                href={place.path}
                onClick={close}
                leftSection={icon}
                {...shown}
              />
            );
          })}
        </ScrollArea>
      </AppShell.Navbar>
      <AppShell.Main id="main">{children}</AppShell.Main>
      {phone && (
        <AppShell.Footer>
          <Group component="nav" aria-label={t.nav.phone} gap={0} wrap="nowrap">
            {places
              .filter((place) => place.phone)
              .map((place) => {
                const here = isHere(place, location) ? 'page' : undefined;
                const shown = (
                  <>
                    <place.icon size={22} stroke={1.7} aria-hidden />
                    {place.name}
                  </>
                );
                return whole(place) ? (
                  <a key={place.path} className="bottom-link" href={`/console${place.path}`} aria-current={here}>
                    {shown}
                  </a>
                ) : (
                  <Link key={place.path} className="bottom-link" href={place.path} aria-current={here}>
                    {shown}
                  </Link>
                );
              })}
          </Group>
        </AppShell.Footer>
      )}
    </AppShell>
  );
}
