// Apps: loaded with the screens that need them.
import { type Client, createClient } from '@connectrpc/connect';
import { AppsStaffService } from './gen/hansa/apps/v1/staff_pb';
import { calls } from './rpc';

export const apps: Client<typeof AppsStaffService> = createClient(AppsStaffService, calls);
/** It is no hook, whatever its name begins with. */
export const { useApp: askApp } = apps;
