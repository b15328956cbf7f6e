# The drive data, played by scripts/demo.
drive=jobs/drive-data
recording=drive-20300105-06
job=ingest-new-files:ingest-1

step shipyard-swift validate --configdir "$drive"
step shipyard-swift pool add --configdir "$drive"
step shipyard-swift schedules add --configdir "$drive"

say "A car brings a recording into staging. Its marker starts the pipeline."
step shipyard-swift schedules run generate --param "recording=$recording" --wait
for _ in $(seq 100); do
    shipyard-swift jobs list --jobid "$job" >/dev/null 2>&1 && break
    sleep 0.2
done
step shipyard-swift jobs wait --jobid "$job" || true

say "The program that blurs plates does not know a foreign one. Look at the step, mend the program on the node, go on from there."
step shipyard-swift jobs show "$job"
step shipyard-swift jobs tasks shell "$job" pii -- \
    sh -c 'tail -1 ../stderr.txt; echo "[A-Z]{2}-[0-9]{3}-[A-Z]" >> "$AZ_BATCH_APP_PACKAGE_blur_1_0/plates"'
step shipyard-swift jobs rerun "$job" --from pii --wait
step shipyard-swift jobs show "$job"

say "What is known of the recording, and where its files are."
step shipyard-swift metadata query recordings
step shipyard-swift data list drives/staging --configdir "$drive"
step shipyard-swift data list drives/processing --configdir "$drive"
step shipyard-swift data get "drives/processing/$recording/report/report.html" "$work/" --configdir "$drive"

say "A month later originals are hardly read any more, and are kept in less room."
touch -d '40 days ago' "$SHIPYARD_HOME/storage/drives/processing/$recording/original/"*
step shipyard-swift data lifecycle run --configdir "$drive"

step shipyard-swift schedules del generate ingest-new-files --yes --wait
step shipyard-swift pool del --poolid drive-data --wait --yes

where_to_look() {
    cat <<EOT
  $work/report.html         what the last step found out
  jobs/drive-data/          the specs and the tools that ran
  docs/guide/pipelines.md   how to write one
EOT
}
