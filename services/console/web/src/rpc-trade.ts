// Prices, matches, statements and threads: loaded with the screens that need them.
import { type Client, createClient } from '@connectrpc/connect';
import { ConversationsStaffService } from './gen/hansa/conversations/v1/staff_pb';
import { PapersStaffService } from './gen/hansa/documents/v1/papers_pb';
import { AccountsStaffService } from './gen/hansa/procurement/v1/account_pb';
import { PricesStaffService } from './gen/hansa/procurement/v1/prices_pb';
import { ProcurementStaffService } from './gen/hansa/procurement/v1/staff_pb';
import { calls } from './rpc';

export const accounts: Client<typeof AccountsStaffService> = createClient(AccountsStaffService, calls);
export const prices: Client<typeof PricesStaffService> = createClient(PricesStaffService, calls);
export const papers: Client<typeof PapersStaffService> = createClient(PapersStaffService, calls);
export const procurement: Client<typeof ProcurementStaffService> = createClient(ProcurementStaffService, calls);
export const conversations: Client<typeof ConversationsStaffService> = createClient(ConversationsStaffService, calls);
