// Pools of members, what they have off a price, and how they are reached: loaded with the screens that need them.
import { type Client, createClient } from '@connectrpc/connect';
import { LoyaltyStaffService } from './gen/hansa/loyalty/v1/staff_pb';
import { MembersStaffService } from './gen/hansa/members/v1/staff_pb';
import { OutreachStaffService } from './gen/hansa/outreach/v1/staff_pb';
import { calls } from './rpc';

export const loyalty: Client<typeof LoyaltyStaffService> = createClient(LoyaltyStaffService, calls);
export const members: Client<typeof MembersStaffService> = createClient(MembersStaffService, calls);
export const outreach: Client<typeof OutreachStaffService> = createClient(OutreachStaffService, calls);
