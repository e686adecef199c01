// The staff API: JSON for calls, gRPC-Web for what streams.
import { type Client, Code, ConnectError, createClient, type Interceptor } from '@connectrpc/connect';
import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-web';
import { DirectoryStaffService } from './gen/hansa/directory/v1/staff_pb';
import { DocumentsStaffService } from './gen/hansa/documents/v1/staff_pb';
import { EgressStaffService } from './gen/hansa/egress/v1/staff_pb';
import { InventoryStaffService } from './gen/hansa/inventory/v1/staff_pb';
import { LinkStaffService } from './gen/hansa/link/v1/staff_pb';
import { WorkflowStaffService } from './gen/hansa/workflow/v1/staff_pb';
import { csrf, findSession, sessionEnded } from './session';

const shown: Interceptor = (next) => async (request) => {
  // Known from before, without a network: what a call must show is asked for first, and without it none is made.
  if (csrf() === '') await findSession();
  if (csrf() === '') throw new ConnectError('no network', Code.Unavailable);
  request.header.set('hansa-csrf', csrf());
  try {
    return await next(request);
  } catch (error) {
    if (ConnectError.from(error).code === Code.Unauthenticated) sessionEnded();
    throw error;
  }
};

export const calls = createConnectTransport({ baseUrl: location.origin, interceptors: [shown] });
const streams = createGrpcWebTransport({ baseUrl: location.origin, interceptors: [shown] });

export const directory: Client<typeof DirectoryStaffService> = createClient(DirectoryStaffService, calls);
export const egress: Client<typeof EgressStaffService> = createClient(EgressStaffService, calls);
export const links: Client<typeof LinkStaffService> = createClient(LinkStaffService, calls);
export const inventory: Client<typeof InventoryStaffService> = createClient(InventoryStaffService, calls);
export const documents: Client<typeof DocumentsStaffService> = createClient(DocumentsStaffService, calls);
export const workflow: Client<typeof WorkflowStaffService> = createClient(WorkflowStaffService, calls);
export const directoryStreams: Client<typeof DirectoryStaffService> = createClient(DirectoryStaffService, streams);
export const inventoryStreams: Client<typeof InventoryStaffService> = createClient(InventoryStaffService, streams);
export const linkStreams: Client<typeof LinkStaffService> = createClient(LinkStaffService, streams);
