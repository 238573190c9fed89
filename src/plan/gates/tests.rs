//! Jobs as people write them, and whether they are gates.

use super::*;
use crate::plan::workflow;

/// The last job of a workflow whose other job is `test`.
fn gate(job: &str) -> bool {
    let head = "on: push\njobs:\n  test: {runs-on: x, steps: [{run: make}]}\n  last:\n    needs: test\n    runs-on: x\n";
    let text = format!("{head}{job}");
    let workflow = workflow::read("ci.yml", text.as_bytes(), false).unwrap_or_else(|e| panic!("{e}: {text}"));
    is_gate(workflow.jobs.last().unwrap(), false)
}

#[test]
fn jobs_that_only_look_at_results() {
    for job in [
        "    if: always()\n    steps:\n      - run: test \"${{ needs.test.result }}\" = success\n",
        "    if: always()\n    steps:\n      - run: |\n          results='${{ toJSON(needs) }}'\n          echo \"$results\"\n          test \"${{ needs.test.result }}\" = success\n",
        "    if: ${{ always() }}\n    steps:\n      - if: contains(needs.*.result, 'failure')\n        run: exit 1\n      - run: echo ok\n",
        "    if: failure()\n    steps: [{run: exit 1}]\n",
        "    if: always()\n    steps:\n      - uses: re-actors/alls-green@release/v1\n        with: {jobs: '${{ toJSON(needs) }}'}\n",
        "    if: '!cancelled()'\n    steps:\n      - uses: step-security/harden-runner@v2\n      - run: jq -e 'all(.[]; .result == \"success\")' <<< '${{ toJSON(needs) }}'\n",
        "    if: always()\n    steps:\n      - env:\n          RESULTS: ${{ join(needs.*.result, ' ') }}\n        run: |\n          for result in $RESULTS; do\n            case \"$result\" in\n              success|skipped) ;;\n              *) echo \"::error::$result\"; exit 1 ;;\n            esac\n          done\n",
        "    if: always()\n    steps:\n      - env:\n          NEEDS: ${{ toJSON(needs) }}\n        run: |\n          python3 - <<'PY'\n          import json, os, sys\n          sys.exit(any(n['result'] != 'success' for n in json.loads(os.environ['NEEDS']).values()))\n          PY\n",
        "    if: always()\n    env: {RESULT: \"${{ needs['test'].result }}\"}\n    steps:\n      - shell: python\n        run: |\n          import os\n          assert os.environ['RESULT'] == 'success'\n",
        "    if: always()\n    steps:\n      - run: ${{ !contains(needs.*.result, 'failure') }}\n",
        "    if: always()\n    steps:\n      - uses: actions/github-script@v7\n        if: needs.test.result != 'success'\n        with: {script: \"core.setFailed('red')\"}\n",
        "    if: always()\n    steps:\n      - uses: org/needed-jobs@v1\n        with: {needs: '${{ toJson(needs) }}'}\n",
    ] {
        assert!(gate(job), "{job}");
    }
}

#[test]
fn jobs_that_do_more_are_none() {
    for job in [
        // The repository is there, and may be what fails.
        "    if: always()\n    steps:\n      - uses: actions/checkout@v4\n      - run: test \"${{ needs.test.result }}\" = success\n",
        "    if: always()\n    steps:\n      - run: test \"${{ needs.test.result }}\" = success\n      - run: make report\n",
        "    if: always()\n    steps:\n      - run: $CHECK \"${{ needs.test.result }}\"\n",
        "    if: always()\n    steps:\n      - run: git clone https://example.com/x && x/run \"${{ needs.test.result }}\"\n",
        // Outputs are what another job made, not how it ended.
        "    steps:\n      - run: python3 -c 'print(${{ needs.test.outputs.n }})'\n",
        "    steps:\n      - uses: actions/download-artifact@v4\n      - run: grep -q ok report.txt\n",
        "    if: always()\n    steps:\n      - uses: docker://alpine\n        with: {args: '${{ needs.test.result }}'}\n",
        "    if: always()\n    steps:\n      - uses: ./.github/actions/check\n        with: {needs: '${{ toJSON(needs) }}'}\n",
        "    if: always()\n    steps:\n      - uses: nick-fields/retry@v3\n        with: {command: 'make x ${{ needs.test.result }}'}\n",
        "    if: always()\n    services: {db: {image: postgres}}\n    steps: [{run: 'exit 1'}]\n",
        // It says nothing about results.
        "    steps:\n      - run: echo deploying\n",
        "    steps:\n      - uses: codecov/codecov-action@v4\n",
    ] {
        assert!(!gate(job), "{job}");
    }
}
