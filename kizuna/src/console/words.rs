//! The console's texts, each in both languages.

macro_rules! words {
    ($($key:ident: $english:literal, $japanese:literal;)+) => {
        /// All texts of a language.
        pub struct Words {
            $(#[doc = $english] pub $key: &'static str,)+
        }

        /// In English.
        pub const ENGLISH: Words = Words { $($key: $english),+ };

        /// In Japanese.
        pub const JAPANESE: Words = Words { $($key: $japanese),+ };

        #[cfg(test)]
        const BOTH: &[(&str, &str, &str)] = &[$((stringify!($key), $english, $japanese)),+];
    };
}

words! {
    accounts: "LINE accounts", "LINEアカウント";
    dead_letters: "Dead letters", "処理できなかったデータ";
    settings: "Settings", "設定";
    people: "People", "ユーザー管理";
    changes: "Audit log", "操作履歴";
    sign_in: "Sign in", "ログイン";
    sign_out: "Sign out", "ログアウト";
    skip: "Skip to content", "本文へ移動";
    name: "Name", "名前";
    password: "Password", "パスワード";
    password_again: "Password again", "パスワード（確認）";
    wrong_password: "Name or password is wrong.", "名前またはパスワードが違います。";
    throttled: "Too many attempts. Wait a while and try again.", "試行回数が多すぎます。しばらく待ってからお試しください。";
    account_own: "Your account", "アカウント設定";
    second_factor: "Two-factor authentication", "2段階認証";
    second_factor_text: "Besides the password, signing in then asks for a code that an authenticator app shows. A stolen password alone is then not enough.", "パスワードに加えて、認証アプリに表示されるコードをログイン時に入力します。パスワードが漏れても、第三者はログインできません。";
    second_factor_due: "An administrator requires two-factor authentication. Set it up to continue.", "管理者が2段階認証を必須にしています。続けるには設定してください。";
    second_factor_off: "Off", "オフ";
    second_factor_on: "On", "オン";
    second_factor_begin: "Set up", "設定する";
    second_factor_anew: "Make a new secret", "シークレットを作り直す";
    second_factor_scan: "Scan this picture with an authenticator app, or type the secret in.", "認証アプリでQRコードを読み取るか、シークレットを入力してください。";
    second_factor_open: "Open in an app on this device", "この端末の認証アプリで開く";
    qr_code: "QR code for the authenticator app", "認証アプリ用のQRコード";
    totp_secret: "Secret", "シークレット";
    second_factor_confirm: "Then enter the code that the app shows.", "アプリに表示されたコードを入力してください。";
    second_factor_do_confirm: "Switch on", "オンにする";
    second_factor_switch_off: "Switch off", "オフにする";
    second_factor_code_again: "Each of these needs a code or a recovery code.", "次の操作には、コードまたはリカバリーコードの入力が必要です。";
    second_factor_reset: "Reset two-factor authentication", "2段階認証をリセット";
    second_factor_require: "Require it of everybody", "全員に必須にする";
    second_factor_waive: "Leave it to each person", "任意に戻す";
    second_factor_required: "Everybody must use it. Whoever has not set it up is led to it before anything else.", "全員に必須です。未設定の人は、ほかの操作の前に設定画面へ案内されます。";
    second_factor_optional: "Each person decides.", "各自の任意です。";
    code: "Code", "コード";
    code_title: "Enter the code", "コードを入力";
    code_text: "Six digits from your authenticator app.", "認証アプリに表示される6桁の数字を入力してください。";
    wrong_code: "The code is wrong or has been used already. Wait for the next one.", "コードが違うか、すでに使用されています。次のコードをお待ちください。";
    recovery_code: "Recovery code", "リカバリーコード";
    recovery_codes: "Recovery codes", "リカバリーコード";
    recovery_codes_left: "Recovery codes left", "リカバリーコードの残り";
    recovery_codes_text: "Keep these where you keep passwords. Each lets you in once without the app. They are not shown again.", "パスワードと同じように大切に保管してください。アプリが使えないとき、1つにつき一度だけログインできます。再表示はできません。";
    recovery_codes_renew: "New recovery codes", "リカバリーコードを再発行";
    app_lost: "Without the app? Use a recovery code, or ask an administrator to reset it.", "認証アプリを使えない場合は、リカバリーコードを使うか、管理者にリセットを依頼してください。";
    welcome: "Welcome to Kizuna", "Kizunaへようこそ";
    welcome_text: "Choose a password. This page works once.", "パスワードを設定してください。このページは一度だけ使えます。";
    welcome_first: "You become the administrator of this console.", "このコンソールの管理者になります。";
    password_rule: "At least 12 characters.", "12文字以上。";
    set_password: "Set password", "パスワードを設定";
    short_password: "The password needs at least 12 characters.", "パスワードは12文字以上にしてください。";
    passwords_differ: "The two passwords differ.", "2つのパスワードが一致しません。";
    bad_name: "A name has 1 to 80 characters.", "名前は1〜80文字で入力してください。";
    name_taken: "This name is already taken.", "この名前はすでに使われています。";
    last_administrator: "There must be at least one administrator: make somebody else one first.", "管理者は少なくとも1人必要です。先に別の管理者を登録してください。";
    not_found: "This page does not exist, or its link no longer works.", "ページが存在しないか、リンクの有効期限が切れています。";
    forbidden: "You may not do this. If you think you may, go back and load the page again.", "この操作は許可されていません。権限がある場合は、前のページを再読み込みしてからお試しください。";
    refused: "This could not be done.", "処理できませんでした。";
    misdirected: "The console does not answer under this name, only under localhost, IP addresses and the address in KIZUNA_CONSOLE_URL. Set that to the address that people open, and restart.", "コンソールはこのホスト名では利用できません。利用できるのは、localhost、IPアドレス、KIZUNA_CONSOLE_URLのアドレスです。ブラウザーで開くアドレスをKIZUNA_CONSOLE_URLに設定し、再起動してください。";
    broken: "Something went wrong. The log of Kizuna says what.", "エラーが発生しました。原因はKizunaのログに記録されています。";
    home: "To the start page", "トップへ";
    connect: "Connect a new LINE account", "LINEアカウントを新しく接続";
    quota_before: "Connected", "接続数";
    quota_of: "of", "/";
    plan: "Plan", "プラン";
    none_yet: "No LINE Official Account is connected yet.", "LINE公式アカウントはまだ接続されていません。";
    active: "Active", "稼働中";
    paused: "Paused", "一時停止中";
    unfinished: "Started but not finished: connect the same channel again to continue.", "接続が途中です。同じチャネルをもう一度接続すると続きから再開します。";
    channel: "Channel", "チャネル";
    all_well: "Everything works.", "正常に動作しています。";
    all_but_accounts: "Kizuna runs. Accounts that need a look:", "Kizunaは動作していますが、確認が必要なアカウントがあります：";
    no_hubspot: "KIZUNA_HUBSPOT_TOKEN is not set: events are kept, nothing is sent to HubSpot.", "KIZUNA_HUBSPOT_TOKENが未設定です。イベントは保存されますが、HubSpotには送信されません。";
    connect_text: "Two values from the LINE Developers console are enough. Kizuna checks them, creates the properties in HubSpot and sets the webhook.", "LINE Developersコンソールの2つの値だけで接続できます。Kizunaが確認し、HubSpotのプロパティー作成とWebhookの設定を行います。";
    channel_id: "Channel ID", "チャネルID";
    channel_secret: "Channel secret", "チャネルシークレット";
    basic_settings: "LINE Developers console > the channel > Basic settings", "LINE Developersコンソール ＞ チャネル ＞ チャネル基本設定";
    optional: "Optional", "任意項目";
    access_token: "Channel access token (long-lived)", "チャネルアクセストークン（長期）";
    access_token_hint: "Not needed: without it Kizuna uses short-lived tokens.", "なくても構いません。その場合は短期トークンを自動で発行します。";
    name_hint: "Left empty: the account's name in LINE. The picture is LINE's.", "空欄の場合はLINEのアカウント名を使います。アイコンもLINEのものを使います。";
    description: "Description", "説明";
    auto_create: "New friends become contacts by themselves", "新しい友だちを自動でコンタクトにする";
    do_connect: "Connect", "接続する";
    takes_seconds: "This takes a few seconds.", "数秒かかります。";
    bad_channel_id: "A channel ID consists of digits.", "チャネルIDは数字で入力してください。";
    bad_secret: "Enter the channel secret as LINE shows it.", "チャネルシークレットをLINEの表示どおりに入力してください。";
    connected: "Connected as number", "接続しました。番号";
    not_connected: "Not connected", "接続できませんでした";
    again: "Fix what failed and connect again: it continues where it stopped, and nothing is done twice.", "失敗した項目を直してもう一度接続してください。続きから再開し、重複しません。";
    step_done: "Done", "完了";
    step_skipped: "Skipped", "省略";
    step_failed: "Failed", "失敗";
    step_by_hand: "By hand", "手動で設定";
    to_connection: "To the account", "アカウントの設定へ";
    number: "Number", "番号";
    since: "Connected since", "接続日時";
    webhook_url: "Webhook URL", "Webhook URL";
    copy: "Copy", "コピー";
    copied: "Copied", "コピーしました";
    token: "Access token", "アクセストークン";
    token_long: "Long-lived", "長期";
    token_short: "Short-lived, renewed by Kizuna", "短期（自動更新）";
    properties: "Properties in HubSpot", "HubSpotのプロパティー";
    icon: "Picture address (https)", "アイコンのURL（https）";
    icon_hint: "Only pictures on LINE's server are shown here.", "この画面に表示されるのはLINEのサーバー上の画像だけです。";
    save: "Save", "保存";
    edit: "Name and behaviour", "名前と動作";
    pause: "Pause", "一時停止";
    pause_text: "Events are still stored; nothing is written to HubSpot.", "イベントは保存されますが、HubSpotには書き込みません。";
    resume: "Resume", "再開";
    remove: "Remove", "削除";
    remove_text: "For good: its events are refused from then on, its number is not used again. Contacts and properties stay in HubSpot. Type the number to confirm.", "元に戻せません。以後このアカウントのイベントは受け付けず、番号は再利用しません。HubSpotのコンタクトとプロパティーは残ります。確認のため番号を入力してください。";
    no_name: "Enter a name.", "名前を入力してください。";
    bad_icon: "The address of the picture must begin with https://.", "アイコンのURLは https:// で始まるものを入力してください。";
    wrong_confirmation: "Nothing was removed: this is not the number of the account.", "削除していません。入力した番号がアカウントの番号と一致しません。";
    letters_text: "Records that could not be processed. Fix the cause, then try again. Dropping one forgets it; what it came from stays in the log.", "処理できなかった記録です。原因を直してから再試行してください。破棄してもログの元データは残ります。";
    letters_none: "None. Everything could be processed.", "ありません。すべて処理できています。";
    reason: "Reason", "理由";
    detail: "Detail", "詳細";
    when: "When", "日時";
    actions: "Actions", "操作";
    retry: "Try again", "再試行";
    drop: "Drop", "破棄";
    letter_unreadable: "Not tried again: this version cannot read the record. Upgrade, or drop it.", "再試行していません。このバージョンでは記録を読み取れません。アップグレードするか、破棄してください。";
    letter_no_record: "Not tried again: LINE signed a body that is no webhook, so there is no record to read again. It can only be dropped.", "再試行していません。Webhookではない本文のため、読み直す記録がありません。破棄のみ可能です。";
    letter_too_large: "Not tried again: the record is too large for a dead letter and is in the log only.", "再試行していません。記録が大きすぎるため、内容はログにのみ残っています。";
    settings_text: "How this installation is set up. Values are changed in the environment or in kizuna.toml, and take effect after a restart.", "このシステムの設定です。値は環境変数またはkizuna.tomlで変更し、再起動後に反映されます。";
    is_set: "set", "設定済み";
    is_not_set: "not set", "未設定";
    key_file: "not set: the key file in the data directory is used", "未設定（データディレクトリーの鍵ファイルを使用）";
    role: "Role", "権限";
    viewer: "Viewer", "閲覧者";
    operator: "Operator", "運用者";
    administrator: "Administrator", "管理者";
    role_viewer: "Viewer: can look only", "閲覧者：閲覧のみ";
    role_operator: "Operator: can also edit, pause, check and retry", "運用者：編集・一時停止・チェック・再試行も可能";
    role_admin: "Administrator: can also connect, remove and manage people", "管理者：接続・削除・ユーザー管理も可能";
    add_person: "Add a person", "ユーザーを追加";
    new_link: "New link", "リンクを再発行";
    link_for: "Give this link to", "このリンクを次の人に渡してください：";
    link_text: "It works once, for 24 hours, and is not shown again.", "一度だけ、24時間有効です。再表示はできません。";
    invited: "has not set a password yet", "パスワード未設定";
    who: "Who", "操作者";
    what: "What", "操作";
    subject: "Target", "対象";
    friends: "Friends", "友だち";
    friends_text: "By a part of the name, or by LINE user ID.", "名前の一部、またはLINEユーザーIDで検索できます。";
    find: "Search", "検索";
    find_label: "Name or LINE user ID", "名前またはLINEユーザーID";
    all_accounts: "All accounts", "すべてのアカウント";
    only_waiting: "Only those waiting for an answer", "未対応の友だちのみ";
    nobody_found: "Nobody was found.", "該当する友だちはいません。";
    nobody_so_far: "Nobody among those looked at so far.", "ここまでの検索範囲には該当する友だちがいません。";
    looked_at: "Looked at", "検索した人数：";
    go_on: "Continue", "続きを表示";
    from_start: "From the start", "最初から";
    elsewhere: "Some friends are kept by other machines and are not shown here. Partitions elsewhere:", "一部の友だちは別のマシンで管理されているため、ここには表示されません。対象のパーティション数：";
    account: "Account", "アカウント";
    follow: "Follow", "フォロー";
    unanswered: "Unanswered", "未対応";
    last_response: "Last response", "最新メッセージ";
    last_seen: "Last seen", "最終アクション";
    contact: "Contact", "コンタクト";
    yes: "Yes", "はい";
    no: "No", "いいえ";
    waits: "Waiting", "未対応";
    nameless: "(no name)", "（名前なし）";
    link_unknown: "No contact yet", "コンタクト未作成";
    link_gone: "Deleted in HubSpot", "HubSpotで削除済み";
    link_erased: "Erased", "個人データ消去済み";
    link_merged: "Merged into another person's contact", "別の人のコンタクトに統合済み";
    open_in_hubspot: "Open in HubSpot", "HubSpotで開く";
    email: "E-mail", "Eメール";
    user_id: "LINE user ID", "LINEユーザーID";
    happened: "What happened", "イベント";
    property: "Property", "プロパティー";
    value: "Value", "値";
    in_hubspot: "In HubSpot", "HubSpotへの反映";
    shown_yes: "Shown", "反映済み";
    shown_not_yet: "Not yet", "未反映";
    shown_in_doubt: "Being written", "書き込み中";
    because: "Because of", "理由";
    history: "History", "履歴";
    history_text: "Newest first. Each line names the properties that still have their value from it.", "新しい順です。各行に、そのイベントで値が決まっているプロパティーを表示します。";
    history_rest: "Older ones that are not shown:", "表示していない古い履歴の件数：";
    history_unread: "The reasons are in the log. To find them, this many records have to be read:", "理由はログに記録されています。調べるために読み込む記録の件数：";
    history_read: "Read the history", "履歴を読み込む";
    decides: "Decides", "値が決まったプロパティー";
    removed_account: "removed", "削除済み";
    counting: "Friends are being counted.", "友だち数を集計中です。";
    counted: "Friends counted", "友だち数の集計：";
    blocked: "Blocked", "ブロック";
    never: "never", "なし";
    health_good: "Good", "良好";
    health_signatures_wrong: "All webhooks have a wrong signature: check the channel secret", "Webhookの署名がすべて不正です。チャネルシークレットを確認してください";
    health_signatures_some_wrong: "Some webhooks have a wrong signature", "署名が不正なWebhookがあります";
    health_destination_wrong: "Webhooks of another account arrive", "別のアカウントのWebhookが届いています";
    health_not_stored: "Some webhooks could not be stored", "保存できなかったWebhookがあります";
    webhooks: "Webhooks since the start", "起動以降のWebhook";
    webhooks_accepted: "Answered 200 and stored", "200（保存済み）";
    webhooks_wrong: "Answered 401: wrong signature", "401（署名が不正）";
    webhooks_unsigned: "Answered 401: no signature", "401（署名なし）";
    webhooks_other: "Answered 400: for another account", "400（別のアカウント宛て）";
    webhooks_not_stored: "Answered 503: not stored in time", "503（保存が間に合わず）";
    webhooks_refused: "Not answered 200 in all", "200以外の合計";
    webhooks_elsewhere: "This process takes no webhooks of this account: the check asks the one that does.", "このプロセスはこのアカウントのWebhookを受信していません。接続チェックで受信側の状況を確認できます。";
    redelivery_matters: "What was answered 503 comes again only if Webhook redelivery is on: LINE Developers console > the channel > Messaging API. LINE tells nobody whether it is; without it these events are lost.", "503を返したWebhookは、「Webhookの再送」がオンの場合だけ再送されます（LINE Developersコンソール ＞ チャネル ＞ Messaging API設定）。オンかどうかはLINEから取得できません。オフの場合、そのイベントは失われます。";
    redelivery_idle: "So far nothing depends on Webhook redelivery. Have it on all the same: LINE Developers console > the channel > Messaging API.", "今のところ「Webhookの再送」が必要なイベントはありません。万一に備えてオンにしておいてください（LINE Developersコンソール ＞ チャネル ＞ Messaging API設定）。";
    health_events_none: "No friend was seen yet", "まだ友だちのイベントがありません";
    health_events_old: "Nobody was seen for a week", "1週間以上イベントがありません";
    check: "Check the connection", "接続チェック";
    check_text: "Asks LINE, HubSpot, the log and this server, and changes nothing. LINE calls the webhook address once for it.", "LINE、HubSpot、ログ、このサーバーを確認します。設定は変更しません。LINEからWebhook URLへのテスト送信が一度行われます。";
    check_good: "Nothing keeps the account from working.", "動作を妨げる問題は見つかりませんでした。";
    check_broken: "Something keeps the account from working.", "動作を妨げる問題があります。";
    do_check: "Check now", "今すぐチェック";
    finding_good: "Good", "正常";
    finding_warning: "Note", "注意";
    finding_broken: "Broken", "要対応";
    finding_unknown: "Unknown", "確認不可";
    rotate: "New secret or token", "シークレット・トークンの更新";
    rotate_text: "After you issue a new channel secret or access token in the LINE Developers console, enter it here. Kizuna checks it with LINE first; if LINE refuses it, nothing changes. What is left empty stays as it is.", "LINE Developersコンソールでチャネルシークレットまたはアクセストークンを再発行したら、ここに入力してください。まずLINEで確認し、無効な場合は何も変更しません。空欄の項目は現在のままです。";
    new_channel_secret: "New channel secret", "新しいチャネルシークレット";
    new_access_token: "New channel access token (long-lived)", "新しいチャネルアクセストークン（長期）";
    to_stateless: "No long-lived token any more: use short-lived ones, renewed by Kizuna", "長期トークンをやめ、短期トークン（自動更新）を使う";
    overlap: "The previous secret is still accepted for 24 hours, for webhooks that are on their way.", "送信中のWebhookのため、以前のシークレットも24時間は有効です。";
    older_secret_until: "Previous secret accepted until", "以前のシークレットの有効期限";
    do_rotate: "Check and use", "確認して更新";
    rotated: "The new credentials are in force.", "新しい認証情報が有効になりました。";
    not_rotated: "Nothing was changed.", "変更は行われませんでした。";
    nothing_new: "Enter a channel secret or an access token.", "チャネルシークレットまたはアクセストークンを入力してください。";
    hidden_detail: "For operators and administrators.", "運用者と管理者のみ表示できます。";
    replay: "Replay", "リプレイ";
    replay_text: "Rebuilds the state from the log, beside the present one, and shows what that would change in HubSpot. A dry run sends nothing and changes nothing.", "ログから状態を作り直し、HubSpotで何が変わるかを表示します。ドライランでは何も送信せず、何も変更しません。";
    replay_look: "Start a dry run", "ドライランを開始";
    replay_looks: "Dry run under way", "ドライラン実行中";
    replay_applies: "Replay under way", "リプレイ実行中";
    replay_reloads: "It goes on when this page is closed. The page looks again by itself.", "このページを閉じても続行します。ページは自動的に更新されます。";
    replay_not_now: "Not started: another replay runs, or there is another result now. Look at it first.", "開始できません。別のリプレイが実行中か、結果が変わっています。内容を確認してください。";
    replay_in_step: "HubSpot is in step with the log.", "HubSpotはログと一致しています。";
    replay_found: "This would change in HubSpot. Nothing was sent.", "HubSpotで次の変更が行われます。まだ何も送信していません。";
    replay_overtaken: "Not applied: something happened meanwhile, and this would change now.", "適用していません。その間に状況が変わりました。現在の変更内容は次のとおりです。";
    replay_applied: "The state is new. Start kizuna up: it writes these changes.", "状態を置き換えました。kizuna upを起動すると次の変更が書き込まれます。";
    replay_in_use: "Not applied: a projector works with the state. Stop kizuna up first.", "適用していません。プロジェクターが状態を使用中です。先にkizuna upを停止してください。";
    replay_stop_first: "To apply it, stop kizuna up, start kizuna console with the same data directory, and make a dry run there: a state that is at work cannot be replaced.", "適用するには、kizuna upを停止し、同じデータディレクトリーでkizuna consoleを起動して、そこでドライランを行ってください。使用中の状態は置き換えられません。";
    replay_failed: "It could not be done:", "実行できませんでした：";
    replay_apply: "Apply exactly this", "この内容で適用";
    replay_apply_text: "Puts the new state in the place of the present one. If it would change anything else than shown here, nothing is done.", "新しい状態に置き換えます。ここに表示した内容と異なる場合は何も行いません。";
    replay_records: "Records read", "読み込んだ記録";
    replay_unusable: "Records that cannot be processed", "処理できない記録";
    replay_creates: "Contacts to create", "作成するコンタクト";
    replay_updates: "Contacts to update", "更新するコンタクト";
    replay_checks: "Contacts to look at, whether they are still there", "存在を確認するコンタクト";
    replay_changes: "Properties to write", "書き込むプロパティー";
    replay_calls: "Calls to HubSpot", "HubSpot APIの呼び出し回数";
    replay_create: "Create", "作成";
    replay_update: "Update", "更新";
    replay_check: "Check", "確認";
    replay_from: "HubSpot shows", "HubSpotの値";
    replay_to: "would be", "変更後";
    replay_in_doubt: "in doubt", "不明";
    replay_more: "More contacts, not shown:", "表示していないコンタクト：";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_lacks_a_translation() {
        let is_japanese =
            |text: &str| text.chars().any(|c| matches!(c, '\u{3040}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}'));
        let same_in_both = ["webhook_url", "quota_of"];
        for (key, english, japanese) in BOTH {
            assert!(!english.is_empty() && english.is_ascii(), "{key}: {english}");
            assert!(is_japanese(japanese) || same_in_both.contains(key), "{key}: {japanese}");
        }
    }
}
