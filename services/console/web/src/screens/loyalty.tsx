// Coupons and points: at the till, what there is, what was booked, and what partners owe each other for it.
import { useWords } from '../i18n';
import { person } from '../session';
import { AddressTabs } from '../ui/address-tabs';
import { Page } from '../ui/states';
import { Bookings, Settlement } from './bookings';
import { CouponKinds } from './coupons';
import { Programs } from './programs';
import { Till } from './till';

export default function Loyalty() {
  const { t } = useWords();
  const may = person()?.may ?? [];
  const tabs = [
    { value: 'till', name: t.loyalty.till, action: 'loyalty.book', show: () => <Till /> },
    { value: 'coupons', name: t.loyalty.coupons, action: 'loyalty.read', show: () => <CouponKinds /> },
    { value: 'points', name: t.loyalty.points, action: 'loyalty.read', show: () => <Programs /> },
    { value: 'bookings', name: t.loyalty.bookings, action: 'loyalty.read', show: () => <Bookings /> },
    { value: 'settlement', name: t.loyalty.settlement, action: 'loyalty.read', show: () => <Settlement /> },
  ];
  return (
    <Page title={t.nav.loyalty}>
      <AddressTabs path="/loyalty" tabs={tabs.filter(({ action }) => may.includes(action))} />
    </Page>
  );
}
