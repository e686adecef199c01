-- Files are named by documents, and by entries of threads.

-- the entry that names it; then document_id is that of its thread
alter table file_due add column entry_id uuid;
