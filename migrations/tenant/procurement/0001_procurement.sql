-- Where the lines of our orders come from. Suppliers never see it.

create table order_source (
    requisition_id uuid not null,
    requisition_line varchar(20) not null,
    -- each line of a request is ordered once; when its order has come to nothing, it may be ordered anew
    order_id uuid not null,
    order_line varchar(20) not null,
    primary key (requisition_id, requisition_line)
);
create index order_source_order on order_source (order_id);
