# The weekend ETL, played by scripts/demo.
etl=jobs/weekend-etl
day=2030-01-05

umask 077
head -c 18 /dev/urandom | base64 > "$work/vendor-key"
printf '{"PRICE_API_KEY": "%s"}' "$(cat "$work/vendor-key")" > "$work/price-api.json"
printf 'sqlite:%s/prices.db' "$work" > "$work/prices-database"

say "A price vendor answers on the loopback interface; it is busy, slow or gone at times."
python3 "$etl/price-api" "$work/vendor-key" "$work/vendor-port" &
others+=($!)
disown  # It is ended by a signal, which bash would tell.
for _ in $(seq 100); do [ -e "$work/vendor-port" ] && break; sleep 0.1; done
api=http://127.0.0.1:$(cat "$work/vendor-port")

say "Its key and the address of the database go into the vault; the specs name them."
step shipyard-swift keyvault add price-api --from-file "$work/price-api.json"
step shipyard-swift keyvault add prices-database --from-file "$work/prices-database"
rm "$work/price-api.json" "$work/prices-database"
step shipyard-swift validate --configdir "$etl"

say "Every Saturday from now on. Two of these Saturdays are run now, by hand."
step shipyard-swift schedules add --configdir "$etl"
step shipyard-swift schedules run weekend-etl --param "day=$day" --param "api=$api" --wait
step shipyard-swift schedules run weekend-etl --param "day=2030-01-12" --param "api=$api" --wait
step shipyard-swift schedules history weekend-etl

say "On Monday: what is in the table and in the containers, and the report."
step shipyard-swift sql query prices 'SELECT day, count(*) AS codes, round(avg(price), 2) AS mean FROM price GROUP BY day ORDER BY day' \
    --configdir "$etl"
step shipyard-swift data list warehouse --configdir "$etl"
step shipyard-swift data get "warehouse/reports/$day/" "$work/report/" --configdir "$etl"
step cat "$work/report/report.md"
step shipyard-swift pool list
step shipyard-swift schedules del weekend-etl --yes --wait

where_to_look() {
    cat <<EOT
  $work/report/          the report and its plot
  $work/prices.db        the tables
  jobs/weekend-etl/      the specs and the tools that ran
  docs/guide/etl.md      how to write one
EOT
}
