{#
    Hooks that keep lake.ops.build: which state of the raw zone the lake was built from (serving/updates/state.py). A
    command that writes tables takes the state away; only a whole build in which nothing failed gives it back. A Spark
    target has no updates by component, so it keeps no state.
#}
{% macro start_build() -%}
    {%- if execute and target.type == 'duckdb' and flags.WHICH in ('build', 'run', 'seed', 'snapshot', 'clone', 'retry') -%}
        {%- do run_query('create schema if not exists lake.ops') -%}
        {%- do run_query(
            'create table if not exists lake.ops.build (state varchar, raw_snapshot bigint, raw_taken_at varchar, '
            ~ 'fingerprint varchar, update_count bigint)'
        ) -%}
        {%- do run_query('delete from lake.ops.build') -%}
        {%- do run_query(
            "insert into lake.ops.build select 'started', snapshot_id, cast(epoch_us(snapshot_time) as varchar), "
            ~ "getvariable('radlake_fingerprint'), 0 from ducklake_snapshots('raw') order by snapshot_id desc limit 1"
        ) -%}
    {%- endif -%}
{%- endmacro %}


{% macro end_build(results) -%}
    {%- if execute and target.type == 'duckdb' and flags.WHICH == 'build' -%}
        {%- set done = namespace(count=0) -%}
        {%- for result in results -%}
            {%- if result.node.resource_type in ('model', 'seed', 'test') and result.status in ('success', 'pass', 'warn') -%}
                {%- set done.count = done.count + 1 -%}
            {%- endif -%}
        {%- endfor -%}
        {%- set wanted = graph.nodes.values() | selectattr('resource_type', 'in', ['model', 'seed', 'test']) | list | length -%}
        {%- if done.count == wanted -%}
            {%- do run_query("update lake.ops.build set state = 'done'") -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
