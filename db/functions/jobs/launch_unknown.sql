-- Records that the request of a launch got no response: its runs keep their slots, and the next dispatcher repeats it
-- before any other launch.
create or replace function jobs.launch_unknown(p_launch uuid, p_send integer)
returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
  update jobs.launches set held_until = jobs.clock() where id = p_launch and sends = p_send and answered_at is null
$$;

grant execute on function jobs.launch_unknown(uuid, integer) to dispatcher;
