import { Code, ConnectError } from '@connectrpc/connect';
import { createTheme, MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { lazy, Suspense, useEffect } from 'react';
import { Redirect, Route, Router, Switch } from 'wouter';
import { Speaking, type Spoken, useWords } from './i18n';
import { useLive } from './live';
import { SignIn } from './screens/sign-in';
import { findSession, useSession } from './session';
import { Shell } from './shell';
import { Empty, Page, Waiting } from './ui/states';

const theme = createTheme({
  primaryColor: 'hansa',
  primaryShade: 7,
  autoContrast: true,
  defaultRadius: 'md',
  fontFamily:
    'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans CJK SC", "PingFang SC", sans-serif',
  // The library's own, with the dark ends darker: white on the eighth and the last on the second are read by everybody (WCAG 1.4.3).
  colors: {
    hansa: [
      '#e8f4f9',
      '#d3e6ee',
      '#a5cddd',
      '#74b3cc',
      '#4c9cbd',
      '#338eb4',
      '#2287b1',
      '#0b6485',
      '#0b4f6c',
      '#033b53',
    ],
    teal: [
      '#e6fcf5',
      '#c3fae8',
      '#96f2d7',
      '#63e6be',
      '#38d9a9',
      '#20c997',
      '#12b886',
      '#0a7f5c',
      '#087f5b',
      '#05593f',
    ],
    yellow: [
      '#fff9db',
      '#fff3bf',
      '#ffec99',
      '#ffe066',
      '#ffd43b',
      '#fcc419',
      '#fab005',
      '#a86400',
      '#8f5600',
      '#704300',
    ],
    orange: [
      '#fff4e6',
      '#ffe8cc',
      '#ffd8a8',
      '#ffc078',
      '#ffa94d',
      '#ff922b',
      '#fd7e14',
      '#b84a08',
      '#a63f06',
      '#863204',
    ],
    red: ['#fff5f5', '#ffe3e3', '#ffc9c9', '#ffa8a8', '#ff8787', '#ff6b6b', '#fa5252', '#d12d2d', '#c92a2a', '#a51d1d'],
  },
  components: { Badge: { defaultProps: { variant: 'light', tt: 'none' } } },
});

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (failures, error) =>
        failures < 2 && [Code.Unavailable, Code.Unknown].includes(ConnectError.from(error).code),
    },
  },
});

const Home = lazy(() => import('./screens/home'));
const Links = lazy(() => import('./screens/links'));
const LinkPage = lazy(() => import('./screens/link'));
const Stock = lazy(() => import('./screens/stock'));
const Documents = lazy(() => import('./screens/documents'));
const DocumentPage = lazy(() => import('./screens/document'));
const Approvals = lazy(() => import('./screens/approvals'));
const Times = lazy(() => import('./screens/times'));
const Scan = lazy(() => import('./screens/scan'));
const Staff = lazy(() => import('./screens/staff'));
const Me = lazy(() => import('./screens/me'));
const Import = lazy(() => import('./screens/import'));
const Accounts = lazy(() => import('./screens/accounts'));
const Prices = lazy(() => import('./screens/prices'));
const Threads = lazy(() => import('./screens/threads'));
const Flows = lazy(() => import('./screens/flows'));
const Pools = lazy(() => import('./screens/pools'));
const PoolPage = lazy(() => import('./screens/pool'));
const Apps = lazy(() => import('./screens/apps'));
const AppPage = lazy(() => import('./screens/app'));
const Loyalty = lazy(() => import('./screens/loyalty'));
const Systems = lazy(() => import('./screens/systems'));
const Audit = lazy(() => import('./screens/audit'));

function Screens() {
  const { t } = useWords();
  useLive();
  return (
    <Shell>
      <Suspense fallback={<Waiting />}>
        <Switch>
          <Route path="/" component={Home} />
          <Route path="/links" component={Links} />
          <Route path="/links/:id">{({ id }) => <LinkPage id={id} />}</Route>
          <Route path="/stock" component={Stock} />
          <Route path="/documents" component={Documents} />
          <Route path="/documents/:id">{({ id }) => <DocumentPage id={id} />}</Route>
          <Route path="/approvals" component={Approvals} />
          <Route path="/approvals/times" component={Times} />
          <Route path="/import" component={Import} />
          <Route path="/accounts" component={Accounts} />
          <Route path="/prices" component={Prices} />
          <Route path="/threads" component={Threads} />
          <Route path="/flows" component={Flows} />
          <Route path="/pools" component={Pools} />
          <Route path="/pools/:code">{({ code }) => <PoolPage code={code} />}</Route>
          <Route path="/loyalty" component={Loyalty} />
          <Route path="/systems" component={Systems} />
          <Route path="/apps" component={Apps} />
          <Route path="/apps/:publisher/:name">
            {({ publisher, name }) => <AppPage publisher={publisher} name={name} />}
          </Route>
          <Route path="/scan" component={Scan} />
          <Route path="/staff" component={Staff} />
          <Route path="/me" component={Me} />
          <Route path="/audit" component={Audit} />
          <Route path="/invited">
            <Redirect to="/" />
          </Route>
          <Route>
            <Page title={t.state.missing}>
              <Empty>{t.state.missingText}</Empty>
            </Page>
          </Route>
        </Switch>
      </Suspense>
    </Shell>
  );
}

function Inside() {
  const session = useSession();
  useEffect(() => {
    void findSession();
  }, []);
  // Whoever comes next sees nothing that the one before has seen.
  useEffect(() => (session.is === 'somebody' ? () => queries.clear() : undefined), [session.is]);
  if (session.is === 'unknown') return null;
  return session.is === 'somebody' ? <Screens /> : <SignIn ended={session.ended} />;
}

export function App({ nonce, spoken }: { nonce: string; spoken: Spoken }) {
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      <Notifications position="top-right" />
      <Speaking first={spoken}>
        <QueryClientProvider client={queries}>
          <Router base="/console">
            <Inside />
          </Router>
        </QueryClientProvider>
      </Speaking>
    </MantineProvider>
  );
}
